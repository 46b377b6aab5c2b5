import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { letterF, patch, pixelsOf, render } from '../helpers/pictures.ts';

const cutout = readFileSync(new URL('../../samples/cutout.png', import.meta.url));
const spinner = readFileSync(new URL('../../samples/spinner.gif', import.meta.url));
const opaque = await sharp(letterF(90, 60), { raw: { width: 90, height: 60, channels: 3 } })
  .png()
  .toBuffer();

describe('transparent parts', () => {
  // Top left of the sample is nothing; its middle is the jug.
  for (const output of ['webp', 'avif', 'png'] as const) {
    it(`stay transparent in ${output}`, async () => {
      const { body, contentType } = await render(cutout, { width: 180, output });
      const picture = await pixelsOf(body);
      assert.deepEqual([contentType, picture.channels], [`image/${output}`, 4]);
      assert.ok(picture.at(3, 3)[3]! < 3);
      assert.ok(picture.at(90, 100)[3]! > 250);
    });
  }

  it('stand on the background in jpeg: white unless said, never black', async () => {
    const white = await pixelsOf((await render(cutout, { width: 180, output: 'jpeg' })).body);
    assert.ok(patch(white, 8, 8).every((value) => value > 250));
    const red = await pixelsOf((await render(cutout, { width: 180, output: 'jpeg', background: '#ff0000' })).body);
    const [r = 0, g = 0, b = 0] = patch(red, 8, 8);
    assert.ok(r > 250 && g < 8 && b < 8);
  });

  it('make png of the base format; an alpha channel that says nothing makes jpeg', async () => {
    assert.equal((await render(cutout, { width: 100, output: 'base' })).contentType, 'image/png');
    const idle = await sharp(opaque).ensureAlpha().png().toBuffer();
    assert.equal((await render(idle, { width: 60, output: 'base' })).contentType, 'image/jpeg');
    const { channels } = await pixelsOf((await render(idle, { width: 60, output: 'webp' })).body);
    assert.equal(channels, 3);
  });

  it('have no dark fringe when they are scaled down', async () => {
    // White beside transparent black: mixing without weighing by alpha would make grey.
    const data = Buffer.alloc(64 * 64 * 4);
    for (let y = 0; y < 64; y += 1) for (let x = 0; x < 32; x += 1) data.set([255, 255, 255, 255], (y * 64 + x) * 4);
    const original = await sharp(data, { raw: { width: 64, height: 64, channels: 4 } })
      .png()
      .toBuffer();
    const { at, width } = await pixelsOf((await render(original, { width: 7 })).body);
    for (let x = 0; x < width; x += 1) {
      const [r, , , alpha = 0] = at(x, 3);
      if (alpha > 8) assert.ok(r! > 247, `${x}: ${at(x, 3)}`);
    }
  });

  it('surround a cut-out that is contained; a photo stands on white', async () => {
    const around = await pixelsOf(
      (await render(cutout, { width: 200, height: 100, fit: 'contain', output: 'webp' })).body,
    );
    assert.equal(around.at(2, 50)[3], 0);
    const grounded = await pixelsOf(
      (await render(cutout, { width: 200, height: 100, fit: 'contain', output: 'webp', background: '#ffcc00' })).body,
    );
    // Beside the jug, inside its own frame and outside.
    for (const x of [2, 70]) {
      const [r = 0, g = 0, b = 0, alpha = 255] = grounded.at(x, 10);
      assert.ok(r > 245 && Math.abs(g - 204) < 12 && b < 30 && alpha === 255, `${[r, g, b, alpha]}`);
    }
    const beside = await pixelsOf(
      (await render(opaque, { width: 60, height: 60, fit: 'contain', output: 'png' })).body,
    );
    assert.deepEqual(beside.at(30, 2).slice(0, 3), [255, 255, 255]);
  });
});

describe('animations', () => {
  const DELAYS = [100, 300, 100, 700];

  for (const [output, contentType] of [
    ['webp', 'image/webp'],
    ['base', 'image/gif'],
  ] as const) {
    it(`keep frames, uneven delays and loop as ${contentType}`, async () => {
      const { body, width, height, contentType: found } = await render(spinner, { width: 120, output, animated: true });
      const { pages, delay, loop, pageHeight } = await sharp(body, { animated: true }).metadata();
      assert.deepEqual([found, width, height], [contentType, 120, 120]);
      assert.deepEqual([pages, delay, loop, pageHeight], [4, DELAYS, 0, 120]);
      const frames = await pixelsOf(body, { animated: true });
      const [top = [], right = []] = [frames.at(70, 18), frames.at(70, 120 + 18)];
      // The dial stands to the right of the top in the first frame and has left it in the second.
      assert.notDeepEqual(top, right);
    });
  }

  it('keep a finite loop, also from animated WebP, and in a cover crop', async () => {
    const webp = await sharp(spinner, { animated: true }).webp({ loop: 3, delay: DELAYS }).toBuffer();
    const { body } = await render(webp, {
      width: 100,
      height: 50,
      fit: 'cover',
      gravity: 'attention',
      output: 'webp',
      animated: true,
    });
    const { pages, delay, loop, width, pageHeight } = await sharp(body, { animated: true }).metadata();
    assert.deepEqual([pages, delay, loop, width, pageHeight], [4, DELAYS, 3, 100, 50]);
  });

  it('show their first frame otherwise, and in formats that hold one', async () => {
    for (const recipe of [
      { output: 'webp' },
      { output: 'avif', animated: true },
      { output: 'jpeg', animated: true },
      { output: 'png', animated: true },
    ] as const) {
      const { body } = await render(spinner, { width: 120, ...recipe });
      const { pages = 1, height } = await sharp(body).metadata();
      assert.deepEqual([pages, height], [1, 120]);
      const [r, g, b] = patch(await pixelsOf(body), 95, 32);
      assert.ok(r! > 180 && g! < 90 && b! < 110, `${recipe.output} ${[r, g, b]}`);
    }
  });

  it('that show a frame for minutes, or repeat more often than sharp counts, are no fault of ours', async () => {
    const slow = await sharp(spinner, { animated: true }).webp({ delay: DELAYS }).toBuffer();
    // The first frame's duration: RFC 9649, section 2.7.1.1.
    slow.writeUIntLE(0xffffff, slow.indexOf('ANMF') + 8 + 12, 3);
    for (const animated of [true, false]) {
      const { body } = await render(slow, { width: 60, output: 'webp', animated });
      const { delay } = await sharp(body).metadata();
      assert.deepEqual(delay, animated ? [65_535, ...DELAYS.slice(1)] : undefined);
    }
    const gif = Buffer.from(spinner);
    gif.writeUInt16LE(0xffff, gif.indexOf('21f904', 0, 'hex') + 4);
    assert.equal((await render(gif, { width: 60, output: 'base', animated: true })).contentType, 'image/gif');
  });

  it('of one frame are stills', async () => {
    const one = await sharp(opaque).gif().toBuffer();
    assert.equal((await render(one, { width: 40, output: 'base', animated: true })).contentType, 'image/jpeg');
  });

  it('share the largest output among their frames', async () => {
    const frame = await sharp({ create: { width: 1000, height: 500, channels: 3, background: '#123' } })
      .png()
      .toBuffer();
    const other = await sharp({ create: { width: 1000, height: 500, channels: 3, background: '#a23' } })
      .png()
      .toBuffer();
    const long = await sharp(
      Array.from({ length: 60 }, (_, n) => (n % 2 ? frame : other)),
      { join: { animated: true } },
    )
      .gif()
      .toBuffer();
    const { width, height } = await render(long, { width: 1000, output: 'webp', animated: true });
    assert.ok(width * height * 60 <= 16_100_000 && width > 650, `${width}×${height}`);
  });

  it('with too many pixels together are refused only where all are decoded', async () => {
    const frame = await sharp({ create: { width: 1500, height: 1500, channels: 3, background: '#123' } })
      .png()
      .toBuffer();
    const other = await sharp({ create: { width: 1500, height: 1500, channels: 3, background: '#456' } })
      .png()
      .toBuffer();
    const huge = await sharp(
      Array.from({ length: 30 }, (_, n) => (n % 2 ? frame : other)),
      { join: { animated: true } },
    )
      .gif({ effort: 1 })
      .toBuffer();
    await assert.rejects(render(huge, { width: 100, output: 'webp', animated: true }), { code: 'original_too_large' });
    assert.equal((await render(huge, { width: 100, output: 'webp' })).width, 100);
  });
});
