import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { pixelsOf, render } from '../helpers/pictures.ts';
import { FOLDER, type Kind, PATCH, PATCHES, toldKinds } from '../helpers/told-colours.ts';

/** Numbers of red, green and blue in the middle of each patch; read-chromium.ts made the file. */
interface Readings {
  readonly browser: string;
  readonly shown: Readonly<Record<string, { readonly srgb: string; readonly p3: string }>>;
}
const { browser, shown }: Readings = JSON.parse(readFileSync(new URL('chromium.json', FOLDER), 'utf8'));

/**
 * The furthest that a channel may lie from Chromium's. libvips' colour engine interpolates HDR, and all that goes through 16 bits,
 * in a table of 33 points a side, which rounds the edges of a gamut: of greys there are none. libheif stretches limited range by 256/219.
 */
const limitOf = (name: string) => (/PQ|HLG|pq|hlg/.test(name) ? { srgb: 20, p3: 8 } : { srgb: 3, p3: 7 });

async function numbersOf(file: Buffer): Promise<number[]> {
  const { at, channels } = await pixelsOf(file);
  return PATCHES.flatMap(({ left, top }) => {
    const [red = 0, green = red, blue = red] = at(left + PATCH / 2, top + PATCH / 2);
    return channels < 3 ? [red, red, red] : [red, green, blue];
  });
}

/** The second row of patches, from black to white. */
const greysOf = (numbers: readonly number[]) => numbers.slice(24, 48);

const furthest = (a: readonly number[], b: readonly number[]) =>
  a.reduce((most, value, n) => Math.max(most, Math.abs(value - (b[n] ?? 0))), 0);

/** Of this kind: how far libvips alone is from Chromium, and how far renditions are, in sRGB and for presets of P3. */
async function compare({ name, file }: Kind) {
  const expected = shown[name];
  assert.ok(expected, `${name}: not among the readings, run read-chromium.ts`);
  const [srgb, p3] = [expected.srgb, expected.p3].map((hex) => [...Buffer.from(hex, 'hex')]) as [number[], number[]];
  const before = await sharp(file).toColourspace('srgb').png().toBuffer();
  const plain = (await render(file, { output: 'png' })).body;
  const wide = (await render(file, { output: 'png', gamut: 'p3' })).body;
  const tagged = (await sharp(wide).metadata()).icc !== undefined;
  return {
    name,
    before: furthest(await numbersOf(before), srgb),
    srgb: furthest(await numbersOf(plain), srgb),
    grey: furthest(greysOf(await numbersOf(plain)), greysOf(srgb)),
    p3: furthest(await numbersOf(wide), tagged ? p3 : srgb),
    tagged,
  };
}

const kinds = await toldKinds();

describe(`colours told by anything but a profile, beside ${browser}`, () => {
  for (const part of ['AVIF', 'PNG', 'JPEG', 'WebP']) {
    it(`${part}: in sRGB and for presets of P3`, async (t) => {
      const rows = [];
      for (const kind of kinds.filter(({ name }) => name.startsWith(part))) rows.push(await compare(kind));
      for (const { name, before, srgb, p3, tagged } of rows)
        t.diagnostic(`${name}: ${before} before, ${srgb} in sRGB, ${p3} ${tagged ? 'in P3' : 'in sRGB for P3'}`);
      assert.deepEqual(
        rows.filter(({ name, srgb, p3, grey }) => srgb > limitOf(name).srgb || p3 > limitOf(name).p3 || grey > 3),
        [],
      );
      assert.ok(rows.some(({ before }) => before > 30));
    });
  }
});

/** Reports of others, made anew as small pictures; points of the upright picture, 400 × 300. */
describe('cases', () => {
  const shown = async (name: string, recipe = {}) => {
    const file = readFileSync(new URL(`../cases/${name}.avif`, FOLDER));
    const { body } = await render(file, { output: 'png', width: 2000, height: 2000, ...recipe });
    return { ...(await pixelsOf(body)), icc: (await sharp(body).metadata()).icc };
  };
  const within = (found: readonly number[], wanted: readonly number[], levels: number) =>
    wanted.every((value, n) => Math.abs((found[n] ?? 0) - value) <= levels);

  it('P3 by code points is P3', async () => {
    const { at } = await shown('01-p3');
    assert.ok(within(at(50, 50), [252, 0, 0], 2) && within(at(150, 50), [0, 204, 0], 2));
    assert.match((await shown('01-p3', { gamut: 'p3' })).icc?.toString('latin1') ?? '', /\0?P\0?3/);
  });

  it('PQ and HLG are never sent as they stand', async () => {
    const [pq, hlg] = await Promise.all(['01-pq', '01-hlg'].map((name) => shown(name)));
    for (const picture of [pq, hlg]) assert.ok(picture && !within(picture.at(50, 50), [230, 30, 30], 8));
    assert.ok(pq?.at(50, 250).every((value) => value <= 2));
  });

  it('alpha is straight, whatever it was in the file', async () => {
    const [prem, straight] = await Promise.all(['05-prem', '05-straight'].map((name) => shown(name)));
    let far = 0;
    for (let y = 0; y < 300; y += 1)
      for (let x = 0; x < 400; x += 1) {
        const [a = [], b = []] = [prem?.at(x, y), straight?.at(x, y)];
        if ((b[3] ?? 0) > 60 && !within(a, b, 12)) far += 1;
      }
    assert.equal(far, 0);
  });
});
