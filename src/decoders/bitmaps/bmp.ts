import { DecodeError, type OpenRows, type Wanted } from '../decoder.ts';
import { shrinkInto, shrinkTo } from '../shrink.ts';
import { type BmpHead, readBmpHead } from './bmp-head.ts';
import { type RowReader, rowReader } from './bmp-rows.ts';
import { unpackRuns } from './bmp-runs.ts';

/** BMP: read row by row, and shrunk on the way, so that no whole picture lies in memory beside the file and the result. */
export function decode(file: Uint8Array, wanted: Wanted, open: OpenRows): void {
  const head = readBmpHead(file);
  checkSize(head, wanted);
  writeRows(head, readerOf(file, head), wanted, open);
}

export function checkSize(
  { width, height }: { readonly width: number; readonly height: number },
  wanted: Wanted,
): void {
  if (width * height > wanted.maxPixels) throw new DecodeError('too_large', `${width} × ${height} pixels are too many`);
}

function readerOf(file: Uint8Array, head: BmpHead): RowReader {
  return head.packing === 'none' ? rowReader(file, head) : unpackRuns(file, head, 3);
}

/** Bands of as many rows as are averaged to one. */
export function writeRows(
  { width, height, icc }: Pick<BmpHead, 'width' | 'height' | 'icc'>,
  { channels, read }: RowReader,
  wanted: Wanted,
  open: OpenRows,
): void {
  const { k, size } = shrinkTo({ width, height }, wanted.side);
  const rows = open({ ...size, channels, orientation: 1, icc });
  const stride = width * channels;
  const band = new Uint8Array(stride * k);
  for (let top = 0; top < height; top += k) {
    const tall = Math.min(k, height - top);
    for (let y = 0; y < tall; y += 1) read(top + y, band.subarray(y * stride, (y + 1) * stride));
    shrinkInto({ rows, channels, k, size }, { pixels: band, stride, width, height: tall, left: 0, top });
  }
}
