import { DecodeError, type OpenRows, type Wanted } from '../decoder.ts';
import { checkSize, writeRows } from './bmp.ts';
import { type BmpHead, readIconHead } from './bmp-head.ts';
import { type RowReader, rowReader } from './bmp-rows.ts';
import { unpackRuns } from './bmp-runs.ts';
import { largestPicture } from './ico-entries.ts';

/** ICO: its largest picture, where that is a BMP. A PNG inside is read as any PNG is. */
export function decode(file: Uint8Array, wanted: Wanted, open: OpenRows): void {
  const { at } = largestPicture(file);
  const head = readIconHead(file, at);
  checkSize(head, wanted);
  writeRows(head, readerOf(file, head), wanted, open);
}

function readerOf(file: Uint8Array, head: BmpHead): RowReader {
  // Of runs it is not known where the mask begins.
  if (head.packing !== 'none') return unpackRuns(file, head, 4);
  const colours = rowReader(file, head);
  return colours.channels === 4 ? colours : withMask(file, head, colours);
}

/** Without alpha of its own, what the mask behind the pixels sets is transparent; a file may end before it. */
function withMask(file: Uint8Array, head: BmpHead, colours: RowReader): RowReader {
  const { width, height, bits, pixelsAt, topDown } = head;
  const stride = Math.ceil(width / 32) * 4;
  const at = pixelsAt + Math.ceil((width * bits) / 32) * 4 * height;
  if (at + stride * height > file.length) throw new DecodeError('broken', 'the icon ends before its mask');
  const row = new Uint8Array(width * 3);
  return {
    channels: 4,
    read(y, to) {
      colours.read(y, row);
      const mask = at + stride * (topDown ? y : height - 1 - y);
      for (let x = 0, from = 0, out = 0; x < width; x += 1, from += 3, out += 4) {
        to[out] = row[from]!;
        to[out + 1] = row[from + 1]!;
        to[out + 2] = row[from + 2]!;
        to[out + 3] = (file[mask + (x >> 3)]! >> (7 - (x & 7))) & 1 ? 0 : 255;
      }
    },
  };
}
