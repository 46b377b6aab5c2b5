import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import { createDecoders } from '../../src/decoders/decoders.ts';
import { createRenderer } from '../../src/render/render.ts';
import { createStepTimer } from '../../src/telemetry/step-timer.ts';
import { ALPHA, decodedFiles, HEIGHT, LETTER, LETTER_SVG, WIDTH } from '../helpers/decoded-files.ts';
import { PLAIN } from '../helpers/pictures.ts';

const decoders = createDecoders({ threads: 1, idleMs: 10_000 });
after(() => decoders.close());
const renderer = createRenderer({ maxPixels: 1e8, maxFrames: 200, timeoutSeconds: 120 }, decoders);
const files = await decodedFiles();

async function shown(body: Buffer) {
  const source = await renderer.examine(body);
  const { body: png } = await renderer.render(source, PLAIN, createStepTimer(), async () => []);
  const { data, info } = await sharp(png).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  return { source, data, info };
}

/** Where the upright letter's pixel comes from in a picture that is turned by 90° clockwise. */
const turned = (x: number, y: number) => (HEIGHT - 1 - x) * WIDTH + y;

describe('a picture that sharp does not read', () => {
  for (const [name, { body, format, within, alpha = false, turned: lies = false }] of files)
    it(`${name}: upright, in its colours and with its alpha`, async () => {
      const { source, data, info } = await shown(body);
      const size = lies ? { width: HEIGHT, height: WIDTH } : { width: WIDTH, height: HEIGHT };
      assert.equal(source.header.format, format);
      assert.deepEqual(source.header.size, size);
      assert.deepEqual({ width: info.width, height: info.height }, size);
      let worst = 0;
      for (let y = 0; y < size.height; y += 1)
        for (let x = 0; x < size.width; x += 1) {
          const [at, from] = [4 * (y * size.width + x), lies ? turned(x, y) : y * WIDTH + x];
          assert.equal(data[at + 3], alpha ? ALPHA[from] : 255, `alpha at ${x}, ${y}`);
          // What is hardly seen has hardly any colour.
          const weight = data[at + 3]! < 32 ? 0 : 1;
          for (let n = 0; n < 3; n += 1)
            worst = Math.max(worst, weight * Math.abs(data[at + n]! - LETTER[3 * from + n]!));
        }
      assert.ok(worst <= within, `${worst} levels off`);
    });

  it('jp2: grey with alpha, whether or not a box says that it is alpha, or which grey it is', async () => {
    const named = readFileSync(new URL('files/letter-f-grey-alpha.jp2', import.meta.url));
    const unnamed = Buffer.from(named);
    unnamed.write('free', unnamed.indexOf('cdef'), 'latin1');
    const uncoloured = Buffer.from(unnamed);
    // A method of part 2 (ISO/IEC 15444-2, M.11.7.3), which readers of part 1 leave out.
    uncoloured.writeUInt8(4, uncoloured.indexOf('colr') + 4);
    for (const file of [named, unnamed, uncoloured, unnamed.subarray(unnamed.indexOf('jp2c') + 4)]) {
      const { data } = await shown(file);
      for (let at = 0; at < WIDTH * HEIGHT; at += 1) {
        const [grey, alpha] = [LETTER[3 * at]!, ALPHA[at]!];
        if (alpha > 31) assert.deepEqual([...data.subarray(4 * at, 4 * at + 4)], [grey, grey, grey, alpha]);
      }
    }
  });

  it('svg: may use 1.4 s of CPU for 16 megapixels, where a bomb would take what it gets', async () => {
    const given: number[] = [];
    const watched = createRenderer(
      { maxPixels: 1e8, maxFrames: 200, timeoutSeconds: 120 },
      {
        ...decoders,
        decode(name, body, wanted, signal) {
          given.push(wanted.cpuMs);
          return decoders.decode(name, body, wanted, signal);
        },
      },
    );
    const large = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="4000" height="4000"/>');
    for (const body of [large, files.get('tiff')!.body])
      await watched.render(
        await watched.examine(body),
        { ...PLAIN, width: 9, height: 9 },
        createStepTimer(),
        async () => [],
      );
    const [svg = 0, tiff = 0] = given;
    assert.ok(svg >= 1000 && svg <= 1400 && tiff >= 2000, `${given}`);
  });

  it('svg: drawn at its own size, without what it refers to', async () => {
    const secret = `<image href="file:///etc/passwd" width="9" height="9"/><image href="http://127.0.0.1:1/a.png" width="9" height="9"/>`;
    const { source, data } = await shown(Buffer.from(LETTER_SVG.replace('</svg>', `${secret}</svg>`)));
    assert.equal(source.header.format, 'svg');
    assert.deepEqual(source.header.size, { width: WIDTH, height: HEIGHT });
    for (const [x, y] of [
      [5, 5],
      [34, 20],
      [34, 54],
      [60, 60],
    ] as const)
      assert.deepEqual(
        [...data.subarray(4 * (y * WIDTH + x)).subarray(0, 3)],
        [...LETTER.subarray(3 * (y * WIDTH + x)).subarray(0, 3)],
      );
  });
});
