/** Each row of cases.json: a picture that went wrong once, through HTTP. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { startApp, type TestApp } from '../../helpers/app.ts';
import { createMemoryStore } from '../../helpers/memory-store.ts';
import { patch, pixelsOf } from '../../helpers/pictures.ts';

interface Point {
  readonly at: [number, number];
  readonly rgb?: number[];
  readonly within?: number;
  readonly atMost?: number[];
  readonly alpha?: number;
  readonly in?: readonly string[];
}
interface Row {
  readonly file?: string;
  readonly is?: string;
  readonly status?: number | string;
  readonly pixels?: readonly Point[];
  readonly not?: readonly Point[];
  readonly sameAs?: string;
  readonly like?: { readonly file: string; readonly within: number; readonly whereAlphaAbove: number };
  readonly size?: [number, number];
}

const read = (name: string) => readFileSync(new URL(name, import.meta.url));
const rows: readonly Row[] = JSON.parse(read('cases.json').toString());
const files = readdirSync(new URL('.', import.meta.url)).filter((name) => /\.(avif|gif|jpg|png|webp)$/.test(name));
const OWN_SIZE = 'w_2000,h_2000,fit_inside';
const CHART: readonly (readonly [number, number])[] = [
  [50, 50],
  [150, 50],
  [250, 50],
  [350, 50],
  [50, 150],
  [150, 150],
  [250, 250],
  [350, 250],
];
/** Codings with loss differ in their last levels. */
const SAME = 4;

let app: TestApp;
before(async () => {
  const { store } = createMemoryStore(Object.fromEntries(files.map((name) => [name, read(name)])));
  app = await startApp({ originals: store });
});
after(() => app.dispose());

async function shown(file: string, format = 'png') {
  const answer = await app.get(app.path(`${OWN_SIZE},f_${format}${format === 'jpeg' ? ',q_95' : ''}`, file));
  assert.equal(answer.status, 200, file);
  return pixelsOf(Buffer.from(await answer.arrayBuffer()));
}
const off = (found: readonly number[], expected: readonly number[]) =>
  Math.max(...expected.map((value, channel) => Math.abs(value - (found[channel] ?? 0))));

describe('pictures that went wrong', () => {
  it('have a row each', () => {
    assert.deepEqual(rows.flatMap(({ file }) => file ?? []).toSorted(), files.toSorted());
  });

  for (const { file, is, status, pixels, not, sameAs, like, size } of rows) {
    if (!file) continue;
    it(`${file}${is ? `: ${is}` : ''}`, async () => {
      // A checksum that is wrong alone is left to a stated policy: pixels whose checksum is wrong are not shown, as with a wrong CRC.
      if (status !== 200) {
        assert.equal((await app.get(app.path(`${OWN_SIZE},f_png`, file))).status, 422);
        return;
      }
      const picture = await shown(file);
      if (size) assert.deepEqual([picture.width, picture.height], size);
      for (const { at, rgb, within = 0, atMost, alpha, in: formats = ['png'] } of pixels ?? [])
        for (const format of formats) {
          const other = await shown(file, format);
          const found = rgb || atMost ? patch(other, ...at, 1) : [];
          if (rgb) assert.ok(off(found, rgb) <= within, `${format} at ${at}: ${found}`);
          if (atMost)
            assert.ok(
              found.every((value, channel) => value <= (atMost[channel] ?? 0)),
              `at ${at}: ${found}`,
            );
          if (alpha !== undefined) assert.equal(other.at(...at)[3], alpha, `${format} at ${at}`);
        }
      for (const { at, rgb = [], within = 0 } of not ?? [])
        assert.ok(off(patch(picture, ...at), rgb) > within, `raw numbers at ${at}`);
      if (sameAs) {
        const right = await shown(sameAs);
        for (const at of CHART)
          assert.ok(off(patch(picture, at[0], at[1]), patch(right, at[0], at[1])) <= SAME, `at ${at}`);
      }
      if (like) {
        const right = await shown(like.file);
        for (let y = 0; y < right.height; y += 7)
          for (let x = 0; x < right.width; x += 7) {
            const [expected, found] = [right.at(x, y), picture.at(x, y)];
            if ((expected[3] ?? 255) > like.whereAlphaAbove)
              assert.ok(off(found, expected.slice(0, 3)) <= like.within, `at ${x}, ${y}: ${found}, not ${expected}`);
          }
      }
    });
  }
});
