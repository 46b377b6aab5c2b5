import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { API_TOKEN, machinesOver } from '../helpers/machines.ts';

/** All renditions of an original follow its edit, and so does what is told of it. */

const ID = 'seller/marker.png';
const QUARTERS = { topLeft: '#e01010', topRight: '#10c010', bottomLeft: '#1010e0', bottomRight: '#e0e010' };

/** Four quarters, each in a colour of its own. */
async function marker(width: number, height: number): Promise<Buffer> {
  const [w, h] = [width / 2, height / 2];
  const part = (background: string, left: number, top: number) => ({
    input: { create: { width: w, height: h, channels: 3, background } } as const,
    ...{ left, top },
  });
  const { topLeft, topRight, bottomLeft, bottomRight } = QUARTERS;
  return sharp({ create: { width, height, channels: 3, background: '#000' } })
    .composite([part(topLeft, 0, 0), part(topRight, w, 0), part(bottomLeft, 0, h), part(bottomRight, w, h)])
    .png()
    .toBuffer();
}

/** Names of the quarters that a rendition shows in its corners, from the upper left one, row by row. */
async function corners(body: Buffer) {
  const { data, info } = await sharp(body).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number) =>
    Array.from(data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3));
  const [right, bottom] = [info.width - 4, info.height - 4];
  const names = [at(3, 3), at(right, 3), at(3, bottom), at(right, bottom)].map((colour) => {
    const distance = (hex: string) =>
      colour.reduce(
        (sum, value, channel) => sum + Math.abs(value - parseInt(hex.slice(1 + 2 * channel, 3 + 2 * channel), 16)),
        0,
      );
    const [nearest] = Object.entries(QUARTERS).toSorted((a, b) => distance(a[1]) - distance(b[1]));
    return nearest?.[0];
  });
  return { size: [info.width, info.height], names };
}

const definitions = {
  card: { width: 100, height: 100, format: 'png', widths: [60, 150] },
  square: { width: 60, height: 60, fit: 'cover', format: 'webp', lossless: true },
  photo: { width: 200, height: 200, format: 'jpeg', quality: 95 },
  whole: { width: 4000, format: 'png' },
};

describe('renditions of an edited original', () => {
  const open = async (picture?: Buffer) => {
    const { start, replace, results } = machinesOver({ [ID]: picture ?? (await marker(400, 200)) }, { definitions });
    const machine = await start();
    const call = async (method: string, body?: object) => {
      const answer = await fetch(`${machine.baseUrl}/v1/images/${encodeURIComponent(ID)}`, {
        method,
        headers: { authorization: `Bearer ${API_TOKEN}`, 'content-type': 'application/json' },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      // biome-ignore lint/suspicious/noExplicitAny: what a server answers is checked field by field
      return (await answer.json()) as any;
    };
    const shows = async (path: string) => corners(Buffer.from(await (await machine.ask(path, ID)).arrayBuffer()));
    return { machine, replace, results, shows, edit: (body: object) => call('PATCH', body), meta: () => call('GET') };
  };
  const { topLeft: _, ...others } = QUARTERS;
  const [a, b, c, d] = ['topLeft', ...Object.keys(others)];

  it('are turned, then flipped, then cropped, in each preset and format, as what is told of them', async () => {
    const { shows, edit, meta } = await open();
    assert.deepEqual(await shows('card'), { size: [100, 50], names: [a, b, c, d] });
    const before = await meta();
    await edit({ rotate: 90 });
    for (const path of ['card', 'card@60w', 'card@2x', 'photo', 'whole'])
      assert.deepEqual((await shows(path)).names, [c, a, d, b], path);
    assert.deepEqual((await shows('card')).size, [50, 100]);
    assert.deepEqual((await shows('whole')).size, [200, 400], 'its own bytes are not sent');
    const turned = await meta();
    assert.deepEqual([turned.width, turned.height], [200, 400]);
    assert.notEqual(turned.thumbhash, before.thumbhash);
    await edit({ flip: 'horizontal' });
    assert.deepEqual((await shows('card')).names, [a, c, b, d]);
    // The upper left quarter of the turned and flipped picture, and a half of another one.
    await edit({ crop: { x: 0, y: 0, width: 0.5, height: 0.25 } });
    assert.deepEqual(await shows('card'), { size: [100, 100], names: [a, a, a, a] });
    const cropped = await meta();
    assert.deepEqual([cropped.width, cropped.height], [100, 100]);
    assert.match(cropped.dominantColor, /^#[de].[01].[01].$/, 'red');
    await edit({ rotate: null, flip: null, crop: { width: 1 } });
    assert.deepEqual((await shows('card')).names, [a, b, a, b]);
    await edit({ crop: null });
    assert.deepEqual(await shows('card'), { size: [100, 50], names: [a, b, c, d] });
    const { width, height, thumbhash } = await meta();
    assert.deepEqual([width, height, thumbhash], [400, 200, before.thumbhash]);
  });

  it('keep the focal point that support moved', async () => {
    const { shows, edit } = await open();
    for (const [focus, name] of [
      [{ x: 0, y: 0.5 }, [a, a, c, c]],
      [{ x: 1, y: 0 }, [b, b, d, d]],
    ] as const) {
      await edit({ focus });
      assert.deepEqual((await shows('square')).names, name);
    }
    // Of the turned picture.
    await edit({ rotate: 180, focus: { x: 0, y: 0.5 } });
    assert.deepEqual((await shows('square')).names, [d, d, b, b]);
  });

  it('are never the bytes of the original, nor of a stored rendition of before', async () => {
    const original = await sharp(await marker(60, 40))
      .jpeg({ quality: 40 })
      .toBuffer();
    const { machine, edit } = await open(original);
    const bytes = async () => Buffer.from(await (await machine.ask('photo', ID)).arrayBuffer());
    assert.deepEqual(await bytes(), original, 'before, they are');
    await machine.saved();
    await edit({ focus: { x: 0.5, y: 0.5 } });
    assert.notDeepEqual(await bytes(), original);
    await edit({ focus: null, redact: [{ x: 0.9, y: 0.9, width: 0.001, height: 0.001 }] });
    assert.notDeepEqual(await bytes(), original);
  });

  it('are of a photo that replaced it without that edit, from the first on', async () => {
    const { machine, replace, results, shows, edit, meta } = await open();
    await edit({ crop: { x: 0, y: 0, width: 0.5, height: 0.5 }, rotate: 90 });
    await shows('card');
    await machine.saved();
    replace(ID, await marker(200, 100));
    assert.deepEqual(await shows('photo'), { size: [200, 100], names: [a, b, c, d] });
    assert.deepEqual(await shows('card'), { size: [100, 50], names: [a, b, c, d] });
    const { width, height, edit: left } = await meta();
    assert.deepEqual([width, height, left], [200, 100, undefined]);
    await machine.saved();
    for (const key of results.made()) assert.notEqual((await corners(results.objects.get(key)!.body)).names[1], a);
  });

  it('tell nothing of what is covered', async () => {
    const { edit, meta } = await open();
    await edit({ redact: [{ x: 0, y: 0, width: 1, height: 1 }] });
    const { dominantColor, report } = await meta();
    assert.deepEqual(
      [dominantColor.replace(/[0-9a-f]/g, (hex: string) => (parseInt(hex, 16) > 0 ? '1' : '0')), report.exposure],
      ['#010101', 0],
    );
  });

  it('are made of an original of one pixel, too', async () => {
    const one = await sharp({ create: { width: 1, height: 1, channels: 3, background: '#e01010' } })
      .png()
      .toBuffer();
    const { machine, edit, meta } = await open(one);
    await edit({
      rotate: 90,
      flip: 'both',
      crop: { x: 0.5, y: 0.5, width: 0.001, height: 0.001 },
      redact: [{ x: 0, y: 0, width: 1, height: 1 }],
    });
    for (const path of Object.keys(definitions)) assert.equal((await machine.ask(path, ID)).status, 200, path);
    const { width, height } = await meta();
    assert.deepEqual([width, height], [1, 1]);
  });
});
