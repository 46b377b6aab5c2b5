import { DecodeError } from '../decoder.ts';
import type { PsdHead } from './psd-head.ts';

/** The rows of one channel after another, as bytes of the file's depth. */
export interface PsdPlanes {
  /** Row `y` of a channel, valid until the next call. Throws a `DecodeError` where the file ends before it. */
  row(channel: number, y: number): Uint8Array;
}

const RAW = 0;
const PACKED = 1;

/** The merged picture of a PSD. Zip coding stands in layers only. */
export function planesOf(file: Uint8Array, head: PsdHead): PsdPlanes {
  const { width, height, depth, channels, large, mergedAt } = head;
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const compression = view.getUint16(mergedAt);
  const bytes = Math.ceil((width * depth) / 8);
  const at = mergedAt + 2;
  if (compression === RAW) {
    return {
      row(channel, y) {
        const start = at + (channel * height + y) * bytes;
        if (start + bytes > file.length) throw tooShort();
        return file.subarray(start, start + bytes);
      },
    };
  }
  if (compression !== PACKED) throw new DecodeError('unsupported', `a PSD of compression ${compression}`);
  const counts = channels * height;
  const countBytes = large ? 4 : 2;
  const first = at + counts * countBytes;
  if (first > file.length) throw tooShort();
  // 32 bits hold the offsets of files of 4 GiB, which are never read.
  const starts = new Uint32Array(counts + 1);
  starts[0] = first;
  for (let n = 0; n < counts; n += 1) {
    const length = large ? view.getUint32(at + 4 * n) : view.getUint16(at + 2 * n);
    starts[n + 1] = Math.min(file.length + 1, starts[n]! + length);
  }
  const unpacked = new Uint8Array(bytes);
  return {
    row(channel, y) {
      const [start, end] = [starts[channel * height + y]!, starts[channel * height + y + 1]!];
      if (end > file.length) throw tooShort();
      unpackBits(file.subarray(start, end), unpacked);
      return unpacked;
    },
  };
}

/** PackBits (TIFF 6.0, section 9). What is missing of a row is 0, as other readers have it; what is too much is left out. */
function unpackBits(packed: Uint8Array, to: Uint8Array): void {
  let out = 0;
  for (let at = 0; at < packed.length && out < to.length; ) {
    const code = packed[at]!;
    at += 1;
    if (code < 128) {
      const literal = packed.subarray(at, at + Math.min(code + 1, to.length - out));
      to.set(literal, out);
      out += literal.length;
      at += code + 1;
    } else if (code > 128) {
      const end = Math.min(to.length, out + 257 - code);
      to.fill(packed[at] ?? 0, out, end);
      out = end;
      at += 1;
    }
  }
  to.fill(0, out);
}

function tooShort(): DecodeError {
  return new DecodeError('broken', 'the PSD ends before its last rows');
}
