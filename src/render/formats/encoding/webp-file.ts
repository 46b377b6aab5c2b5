import type { Size } from '../../pixels.ts';

/** Of the container of a WebP: RFC 9649, section 2. */
const RIFF_HEAD_BYTES = 12;
const CHUNK_HEAD_BYTES = 8;

export interface Chunk {
  readonly type: string;
  readonly start: number;
  /** Without the pad byte of a chunk of odd length. */
  readonly end: number;
}

/** The last one may end behind the file. */
export function* chunksOf(webp: Buffer): Generator<Chunk> {
  for (let at = RIFF_HEAD_BYTES; at + CHUNK_HEAD_BYTES <= webp.length; ) {
    const end = at + CHUNK_HEAD_BYTES + webp.readUInt32LE(at + 4);
    yield { type: webp.toString('latin1', at, at + 4), start: at, end };
    at = end + ((end - at) % 2);
  }
}

/** A file of whole chunks, without their pad bytes. */
export function webpOf(chunks: readonly Buffer[]): Buffer {
  const padded = chunks.flatMap((chunk) => [chunk, Buffer.alloc(chunk.length % 2)]);
  const file = Buffer.concat([Buffer.from('RIFF\0\0\0\0WEBP', 'latin1'), ...padded]);
  file.writeUInt32LE(file.length - CHUNK_HEAD_BYTES, 4);
  return file;
}

/** In front of the pixels of a lossless picture: a signature, and its size. */
const LOSSLESS_HEAD_BYTES = 5;
/** Of an ALPH chunk: levels as they are, coded as the green of a lossless picture. */
const COMPRESSED = 1;

/** The ALPH chunk of levels that are grey in a lossless picture: the same code without its head (RFC 9649, 2.7.1.2). */
export function alphaChunk(grey: Buffer): Buffer {
  const picture = chunkOf(grey, 'VP8L');
  if (!picture) throw new Error('libwebp wrote another WebP than a lossless one');
  const pixels = picture.subarray(CHUNK_HEAD_BYTES + LOSSLESS_HEAD_BYTES);
  const head = Buffer.alloc(CHUNK_HEAD_BYTES + 1, 'ALPH', 'latin1');
  head.writeUInt32LE(1 + pixels.length, 4);
  head.writeUInt8(COMPRESSED, CHUNK_HEAD_BYTES);
  return Buffer.concat([head, pixels]);
}

/** An opaque lossy picture with this alpha, which is of its size. */
export function withAlpha(webp: Buffer, alpha: Buffer, { width, height }: Size): Buffer {
  const picture = chunkOf(webp, 'VP8 ');
  if (!picture) throw new Error('libwebp wrote another WebP than a lossy one');
  return webpOf([alphaHead(width, height), alpha, picture]);
}

function chunkOf(webp: Buffer, wanted: string): Buffer | undefined {
  for (const { type, start, end } of chunksOf(webp)) if (type === wanted) return webp.subarray(start, end);
  return undefined;
}

const HAS_ALPHA = 0x10;

function alphaHead(width: number, height: number): Buffer {
  const head = Buffer.alloc(CHUNK_HEAD_BYTES + 10);
  head.write('VP8X', 'latin1');
  head.writeUInt32LE(10, 4);
  head.writeUInt8(HAS_ALPHA, 8);
  head.writeUIntLE(width - 1, 12, 3);
  head.writeUIntLE(height - 1, 15, 3);
  return head;
}
