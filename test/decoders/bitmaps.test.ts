import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import { createDecoders } from '../../src/decoders/decoders.ts';
import { createRenderer } from '../../src/render/render.ts';
import { createStepTimer } from '../../src/telemetry/step-timer.ts';
import { bmp, HEIGHT, ico, LETTER, WIDTH } from '../helpers/decoded-files.ts';
import { PLAIN } from '../helpers/pictures.ts';

const decoders = createDecoders({ threads: 1, idleMs: 10_000 });
after(() => decoders.close());
const renderer = createRenderer({ maxPixels: 1e8, maxFrames: 200, timeoutSeconds: 120 }, decoders);

/** Red, green, blue and alpha of all pixels. */
async function shown(body: Buffer): Promise<Buffer> {
  const source = await renderer.examine(body);
  const { body: png } = await renderer.render(source, PLAIN, createStepTimer(), async () => []);
  return sharp(png).ensureAlpha().raw().toBuffer();
}

/** A BMP of 8 bits a pixel, 4 × 2, whose runs are these; entry 1 of its palette is red, 0 white. */
function withRuns(...runs: number[]): Buffer {
  const head = Buffer.alloc(14 + 40 + 8);
  head.write('BM');
  head.writeUInt32LE(head.length, 10);
  head.writeUInt32LE(40, 14);
  head.writeInt32LE(4, 18);
  head.writeInt32LE(2, 22);
  head.writeUInt16LE(1, 26);
  head.writeUInt16LE(8, 28);
  head.writeUInt32LE(1, 30);
  head.writeUInt32LE(2, 46);
  head.writeUInt32LE(0xffffff, 54);
  head.writeUInt32LE(0xff0000, 58);
  return Buffer.concat([head, Buffer.from(runs)]);
}
const [RED, BLACK] = [
  [255, 0, 0, 255],
  [0, 0, 0, 255],
];
const JUMP = [0, 2] as const;
const [END_OF_ROW, END] = [
  [0, 0],
  [0, 1],
] as const;

/** With alpha of 0 everywhere. */
function withoutAlpha(file: Buffer, pixelsAt: number): Buffer {
  const changed = Buffer.from(file);
  for (let at = pixelsAt + 3; at < pixelsAt + WIDTH * HEIGHT * 4; at += 4) changed[at] = 0;
  return changed;
}

describe('a BMP in runs', () => {
  it('is black and opaque where its runs leave places out, as in Chromium', async () => {
    // The lower row: two red, two left out; the upper one: three left out, one red.
    const jumped = withRuns(2, 1, ...JUMP, 1, 1, 1, 1, ...END);
    assert.deepEqual([...(await shown(jumped))], [BLACK, BLACK, BLACK, RED, RED, RED, BLACK, BLACK].flat());
    const ended = withRuns(3, 1, ...END_OF_ROW, 1, 1, ...END);
    assert.deepEqual([...(await shown(ended))], [RED, BLACK, BLACK, BLACK, RED, RED, RED, BLACK].flat());
    const cut = withRuns(2, 1, ...END);
    assert.deepEqual([...(await shown(cut))], [BLACK, BLACK, BLACK, BLACK, RED, RED, BLACK, BLACK].flat());
  });
});

describe('an icon in runs', () => {
  it('is transparent where its runs leave places out', async () => {
    const picture = withRuns(2, 1, ...JUMP, 1, 1, 1, 1, ...END).subarray(14);
    picture.writeInt32LE(4, 8);
    const head = Buffer.from([0, 0, 1, 0, 1, 0, 4, 2, 0, 0, 1, 0, 8, 0, 0, 0, 0, 0, 22, 0, 0, 0]);
    head.writeUInt32LE(picture.length, 14);
    const nothing = [0, 0, 0, 0];
    const pixels = await shown(Buffer.concat([head, picture]));
    assert.deepEqual([...pixels], [nothing, nothing, nothing, RED, RED, RED, nothing, nothing].flat());
  });
});

describe('a bitmap whose alpha is 0 everywhere', () => {
  const transparent = (pixels: Buffer) => pixels.every((level, at) => at % 4 !== 3 || level === 0);

  it('is transparent where its header has a mask for alpha', async () => {
    const file = bmp({ bits: 32 });
    assert.ok(transparent(await shown(withoutAlpha(file, file.readUInt32LE(10)))));
  });

  it('is opaque in an icon, whose header has none', async () => {
    const pixels = await shown(ico(withoutAlpha(bmp({ bits: 32, icon: true }), 40)));
    for (let at = 0; at < WIDTH * HEIGHT; at += 1)
      assert.deepEqual([...pixels.subarray(4 * at, 4 * at + 4)], [...LETTER.subarray(3 * at, 3 * at + 3), 255]);
  });
});
