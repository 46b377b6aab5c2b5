import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DecodedHead } from '../../../src/decoders/decoder.ts';
import { decode } from '../../../src/decoders/heic.ts';
import { openLibheif } from '../../../src/decoders/libheif.ts';
import { isByPlanes } from '../../../src/decoders/planes/coded-tiles.ts';
import { gridFile, heicFile, nclx } from '../../helpers/heic-files.ts';

interface Picture {
  readonly head: DecodedHead;
  readonly rows: Uint8Array;
}

function decoded(file: Buffer, side: number): Picture {
  const opened: Picture[] = [];
  decode(file, { side, maxPixels: 100_000_000 }, (head) => {
    opened.push({ head, rows: new Uint8Array(head.width * head.height * head.channels) });
    return opened[0]!.rows;
  });
  assert.equal(opened.length, 1);
  return opened[0]!;
}

/** What a pixel of the result covers of the whole picture, in red, green and blue, which libheif made of it. */
function meanOf({ head, rows }: Picture, to: DecodedHead, x: number, y: number): number[] {
  const [stepX, stepY] = [head.width / to.width, head.height / to.height];
  const sums = [0, 0, 0];
  for (let row = Math.floor(y * stepY); row < Math.ceil((y + 1) * stepY - 1e-6); row += 1)
    for (let column = Math.floor(x * stepX); column < Math.ceil((x + 1) * stepX - 1e-6); column += 1) {
      const tall = Math.min(row + 1, (y + 1) * stepY) - Math.max(row, y * stepY);
      const wide = Math.min(column + 1, (x + 1) * stepX) - Math.max(column, x * stepX);
      for (const n of sums.keys()) sums[n]! += tall * wide * rows[(row * head.width + column) * 3 + n]!;
    }
  return sums.map((sum) => sum / stepX / stepY);
}

/** The mean square of the differences, of a pixel in 49 where there are many. */
function apart({ head, rows }: Picture, whole: Picture): number {
  const every = head.width * head.height > 10_000 ? 7 : 1;
  let [sum, count] = [0, 0];
  for (let y = 0; y < head.height; y += every)
    for (let x = 0; x < head.width; x += every)
      for (const [n, level] of meanOf(whole, head, x, y).entries()) {
        sum += (rows[(y * head.width + x) * 3 + n]! - level) ** 2;
        count += 1;
      }
  return sum / count;
}

const psnr = (squares: number) => 10 * Math.log10(255 ** 2 / squares);

function saysPlanes(file: Buffer): boolean {
  const heif = openLibheif();
  const { c } = heif;
  const [context, at] = [c._heif_context_alloc(), c._malloc(file.length)];
  c.HEAPU8.set(file, at);
  heif.call((error) => c._heif_context_read_from_memory_without_copy(error, context, at, file.length, 0));
  const handle = heif.made((error, out) => c._heif_context_get_primary_image_handle(error, context, out));
  return isByPlanes(heif, handle);
}

describe('HEIC that is shrunk', () => {
  const grid = { columns: 2, rows: 2 };
  const files: Record<string, { file: Buffer; byPlanes: boolean }> = {
    'one picture': { file: heicFile('photo.heic'), byPlanes: true },
    '10 bits, 4:2:2': { file: heicFile('deep-422.heic'), byPlanes: true },
    'a profile': { file: heicFile('display-p3.heic'), byPlanes: true },
    'grey, which has no planes of colour': { file: heicFile('grey.heic'), byPlanes: false },
    'a grid': { file: gridFile(grid), byPlanes: true },
    'a grid of odd sides': { file: gridFile({ ...grid, width: 999, height: 701 }), byPlanes: true },
    'a grid with code points': { file: gridFile({ ...grid, properties: [nclx(12, 13, 1)] }), byPlanes: true },
  };
  for (const [name, { file, byPlanes }] of Object.entries(files))
    it(`has the colours of the whole picture: ${name}`, () => {
      assert.equal(saysPlanes(file), byPlanes);
      const whole = decoded(file, Number.POSITIVE_INFINITY);
      const longer = Math.max(whole.head.width, whole.head.height);
      for (const side of [Math.ceil(longer * 0.7), Math.ceil(longer / 3), 17, 1]) {
        const shrunk = decoded(file, side);
        assert.equal(Math.max(shrunk.head.width, shrunk.head.height), side);
        // libheif drops two of ten bits and rounds each pixel; we round once.
        const found = psnr(apart(shrunk, whole));
        assert.ok(found > 45, `${found} dB at ${side}`);
      }
    });
});
