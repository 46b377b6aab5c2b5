import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { letterF, patch, pixelsOf, render } from '../helpers/pictures.ts';

const [WIDTH, HEIGHT] = [96, 64];
const still = await sharp(letterF(WIDTH, HEIGHT), { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
  .avif({ quality: 90, chromaSubsampling: '4:4:4', effort: 0 })
  .toBuffer();

function box(type: string, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([long(content.length + 8), Buffer.from(type, 'latin1'), content]);
}
function long(...values: number[]): Buffer {
  return Buffer.concat(values.map((value) => Buffer.from([value >>> 24, value >>> 16, value >>> 8, value])));
}
/** The content of a box that is found by its name. */
function contentOf(name: string): Buffer {
  const at = still.indexOf(name, 0, 'latin1');
  return still.subarray(at + 4, at - 4 + still.readUInt32BE(at - 4));
}

/** Two frames in a track, and no item (ISO/IEC 14496-12, 8). */
function sequence(brand: string): Buffer {
  const frame = contentOf('mdat');
  const size = Buffer.from([0, WIDTH, 0, HEIGHT]);
  const entry = box('av01', Buffer.alloc(24), size, Buffer.alloc(50), box('av1C', contentOf('av1C')));
  const start = Buffer.concat([
    box('ftyp', Buffer.from(`${brand}\0\0\0\0avismsf1miafMA1B`, 'latin1')),
    box('mdat', frame, frame),
  ]);
  const at = start.length - 2 * frame.length;
  const table = box(
    'stbl',
    box('stsd', long(0, 1), entry),
    box('stsz', long(0, 0, 2, frame.length, frame.length)),
    box('stco', long(0, 1, at)),
  );
  return Buffer.concat([start, box('moov', box('trak', box('mdia', box('minf', table))))]);
}

describe('an AVIF that is a sequence alone', () => {
  for (const brand of ['avis', 'msf1'])
    it(`shows its first frame, of major brand ${brand}`, async () => {
      const { body } = await render(sequence(brand), {});
      const shown = await pixelsOf(body);
      assert.deepEqual([shown.width, shown.height], [WIDTH, HEIGHT]);
      for (const [x, y, colour] of [
        [10, 10, [235, 235, 235]],
        [34, 20, [30, 30, 90]],
        [34, 54, [200, 30, 30]],
      ] as const)
        for (const [n, value] of patch(shown, x, y, 1).entries())
          assert.ok(Math.abs(value - colour[n]!) < 12, `${x}, ${y}`);
    });

  it('is refused where its frame is not there', async () => {
    const file = sequence('avis');
    file.writeUInt32BE(file.length, file.indexOf('stco') + 12);
    await assert.rejects(render(file, {}), /original_unreadable/);
  });
});
