import { constants, crc32, deflateRawSync, deflateSync } from 'node:zlib';

/** Pictures that are small on the wire and dear to read, made by hand: no encoder writes them. */

const MEBI = 1024 * 1024;

export function pngChunk(type: string, data: Buffer = Buffer.alloc(0)): Buffer {
  const content = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, crc] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  crc.writeUInt32BE(crc32(content));
  return Buffer.concat([length, content, crc]);
}

/** A PNG of one colour. `rows` of them are there, as many as it promises unless said; `extra` stands before its pixels. */
export function flatPng(width: number, height: number, rows = height, extra: Buffer[] = []): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // One bit of grey.
  header.set([1, 0, 0, 0, 0], 8);
  const pixels = deflateSync(Buffer.alloc(rows * (1 + Math.ceil(width / 8))));
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    pngChunk('IHDR', header),
    ...extra,
    pngChunk('IDAT', pixels),
    pngChunk('IEND'),
  ]);
}

/**
 * A PNG that takes some 25 s of CPU to decode, row after row and in little memory: 16 bits a channel behind the Paeth
 * filter, which no processor does for several pixels at once. 4 MB. It stops short of its end.
 */
export function slowPng(): Buffer {
  const [width, height, rowsTogether] = [8192, 65_535, 16];
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([16, 6, 0, 0, 0], 8);
  const row = Buffer.alloc(1 + width * 8);
  row[0] = 4;
  // A full flush forgets what came before, so the same bytes can stand there again and again.
  const rows = deflateRawSync(Buffer.concat(Array<Buffer>(rowsTogether).fill(row)), {
    finishFlush: constants.Z_FULL_FLUSH,
  });
  const times = Math.floor(height / rowsTogether);
  const pixels = Buffer.concat([Buffer.from([0x78, 0x9c]), ...Array<Buffer>(times).fill(rows)]);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    pngChunk('IHDR', header),
    pngChunk('IDAT', pixels),
    pngChunk('IEND'),
  ]);
}

/** Zeroes, a thousandth of their length. */
const deflatedZeroes = (mebibytes: number) => deflateSync(Buffer.alloc(mebibytes * MEBI), { level: 1 });

/** A text or profile chunk of a PNG that unfolds to that many MiB. */
export function unfoldingChunk(type: 'zTXt' | 'iTXt' | 'iCCP', mebibytes: number): Buffer {
  const keyword = type === 'iTXt' ? 'Comment\0\x01\0\0\0' : 'Comment\0\0';
  return pngChunk(type, Buffer.concat([Buffer.from(keyword, 'latin1'), deflatedZeroes(mebibytes)]));
}

function jpegSegment(marker: number, ...payload: number[]): Buffer {
  const length = payload.length + 2;
  return Buffer.from([0xff, marker, length >> 8, length & 0xff, ...payload]);
}

/** ITU-T T.81, table B.2: a frame of one component. */
function frameHeader(marker: number, width: number, height: number): Buffer {
  return jpegSegment(marker, 8, height >> 8, height & 255, width >> 8, width & 255, 1, 1, 0x11, 0);
}

const ONES = (count: number): number[] => Array(count).fill(1);
/** Huffman tables of one code each: a difference of nothing; and a run of 16,384 to 32,767 empty blocks. */
const TABLES = [
  jpegSegment(0xdb, 0, ...ONES(64)),
  jpegSegment(0xc4, 0x00, 1, ...Array(15).fill(0), 0x00),
  jpegSegment(0xc4, 0x10, 1, ...Array(15).fill(0), 0xe0),
];
const LONGEST_RUN = 32_767;

/** A JPEG header that promises a picture and holds none. */
export function jpegHeader(width: number, height: number): Buffer {
  const scan = jpegSegment(0xda, 1, 1, 0x00, 0, 63, 0x00);
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    ...TABLES,
    frameHeader(0xc0, width, height),
    scan,
    Buffer.alloc(64),
  ]);
}

/** A grey progressive JPEG in that many scans, each of some hundred bytes and each walking over all blocks. */
export function manyScans(width: number, height: number, scans: number): Buffer {
  const blocks = Math.ceil(width / 8) * Math.ceil(height / 8);
  const first = Buffer.concat([jpegSegment(0xda, 1, 1, 0x00, 0, 0, 0x00), Buffer.alloc(Math.ceil(blocks / 8))]);
  const runs = Math.ceil(blocks / LONGEST_RUN);
  // A code is a zero and 14 ones: no byte of these is 0xFF, which would need stuffing, unless runs line up.
  let bits = '';
  for (let n = 0; n < runs; n += 1) bits += `0${'1'.repeat(14)}`;
  const data: number[] = [];
  for (let at = 0; at < bits.length; at += 8) {
    const byte = Number.parseInt(bits.slice(at, at + 8).padEnd(8, '1'), 2);
    data.push(byte);
    if (byte === 0xff) data.push(0);
  }
  // Spectral selection 1 to 63, refined again and again.
  const again = Buffer.concat([jpegSegment(0xda, 1, 1, 0x00, 1, 63, 0x00), Buffer.from(data)]);
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    ...TABLES,
    frameHeader(0xc2, width, height),
    first,
    ...Array<Buffer>(scans - 1).fill(again),
    Buffer.from([0xff, 0xd9]),
  ]);
}

/** A GIF of that canvas and as many frames of one pixel. */
export function tinyFrames(width: number, height: number, frames: number): Buffer {
  const screen = Buffer.from('GIF89a\0\0\0\0\x80\0\0\0\0\0\xff\xff\xff', 'latin1');
  screen.writeUInt16LE(width, 6);
  screen.writeUInt16LE(height, 8);
  const delay = Buffer.from('21f90400050000' + '00', 'hex');
  // LZW: clear, colour 0, end.
  const frame = Buffer.from('2c000000000100010000' + '0202440100', 'hex');
  return Buffer.concat([screen, ...Array<Buffer>(frames).fill(Buffer.concat([delay, frame])), Buffer.from(';')]);
}

export function riffChunk(type: string, data: Buffer): Buffer {
  const head = Buffer.from(`${type}\0\0\0\0`, 'latin1');
  head.writeUInt32LE(data.length, 4);
  return Buffer.concat([head, data, Buffer.alloc(data.length % 2)]);
}

const uint24 = (value: number) => [value & 255, (value >> 8) & 255, value >> 16];

/** RFC 9649. An extended WebP of that canvas; `flags` say what is in it. */
export function extendedWebp(width: number, height: number, flags: number, chunks: Buffer[]): Buffer {
  const canvas = Buffer.from([flags, 0, 0, 0, ...uint24(width - 1), ...uint24(height - 1)]);
  return riffChunk('RIFF', Buffer.concat([Buffer.from('WEBP'), riffChunk('VP8X', canvas), ...chunks]));
}

/** The chunk that holds a plain WebP's pixels. */
export const webpPixels = (webp: Buffer) => webp.subarray(12);

/** A WebP of as many frames, each this plain WebP in the corner. */
export function repeatedFrames(width: number, height: number, frames: number, still: Buffer, side: number): Buffer {
  const corner = Buffer.from([0, 0, 0, 0, 0, 0, ...uint24(side - 1), ...uint24(side - 1), ...uint24(50), 0]);
  const frame = riffChunk('ANMF', Buffer.concat([corner, webpPixels(still)]));
  const loop = riffChunk('ANIM', Buffer.alloc(6));
  return extendedWebp(width, height, 0x02, [loop, ...Array<Buffer>(frames).fill(frame)]);
}

/** A GIF of one frame and one colour: LZW lets each code stand for one pixel more than the last. */
export function flatGif(width: number, height: number): Buffer {
  const file = tinyFrames(width, height, 1);
  file.writeUInt16LE(width, file.length - 11);
  file.writeUInt16LE(height, file.length - 9);
  const bytes: number[] = [];
  let bits = 0;
  let held = 0;
  const put = (code: number, size: number) => {
    bits |= code << held;
    for (held += size; held >= 8; held -= 8) {
      bytes.push(bits & 255);
      bits >>>= 8;
    }
  };
  let left = width * height;
  while (left > 0) {
    put(4, bytes.length === 0 ? 3 : 12);
    put(0, 3);
    left -= 1;
    for (let next = 6, size = 3; next < 4096 && left > 0; next += 1) {
      if (next === 2 ** size && size < 12) size += 1;
      const run = Math.min(left, next - 4);
      put(run === 1 ? 0 : run + 4, size);
      left -= run;
      if (left === 0) put(5, next + 1 === 2 ** size && size < 12 ? size + 1 : size);
    }
  }
  put(0, 8);
  const blocks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 255) {
    const part = bytes.slice(at, at + 255);
    blocks.push(Buffer.from([part.length, ...part]));
  }
  return Buffer.concat([file.subarray(0, -6), Buffer.from([2]), ...blocks, Buffer.from([0, 0x3b])]);
}
