import { constants, crc32, deflateSync, inflateSync } from 'node:zlib';

/** W3C PNG, third edition, section 5: a signature, then chunks of length, type, data and checksum. */
const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

export interface PngChunk {
  readonly type: string;
  readonly data: Buffer;
  /** Where it lies in its file, all of it. */
  readonly at: number;
  readonly end: number;
}

export const isPng = (file: Buffer): boolean => file.subarray(0, SIGNATURE.length).equals(SIGNATURE);

/** More than any program writes; a file of nothing but empty chunks would take seconds. */
const MAX_CHUNKS = 10_000;

/** The chunks before the pixels; nothing of them is checked. */
export function* chunksBeforePixels(png: Buffer): Generator<PngChunk> {
  for (let [at, count] = [SIGNATURE.length, 0]; at + 12 <= png.length && count < MAX_CHUNKS; count += 1) {
    const end = at + 12 + png.readUInt32BE(at);
    const type = png.toString('latin1', at + 4, at + 8);
    if (end > png.length || type === 'IDAT') return;
    yield { type, data: png.subarray(at + 8, end - 4), at, end };
    at = end;
  }
}

/** Decoders leave out a chunk whose checksum is wrong. */
export function isIntact(png: Buffer, { at, end }: PngChunk): boolean {
  return crc32(png.subarray(at + 4, end - 4)) === png.readUInt32BE(end - 4);
}

/** Length, type, data and the CRC of the latter two (5.3). */
export function pngChunk(type: string, data: Buffer): Buffer {
  const chunk = Buffer.alloc(12 + data.length);
  chunk.writeUInt32BE(data.length, 0);
  chunk.write(type, 4, 'latin1');
  data.copy(chunk, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + data.length)), 8 + data.length);
  return chunk;
}

/** Profiles, and the chunk that libvips would copy into what is made of this file. */
const REPLACED = new Set(['iCCP', 'cICP']);

/**
 * The same file with this profile in place of its own, or with none. Not compressed, which takes longer than copying.
 */
export function withPngProfile(png: Buffer, profile: Buffer | undefined): Buffer {
  const parts: Buffer[] = [];
  let from = 0;
  for (const { type, at, end } of chunksBeforePixels(png)) {
    if (type === 'IHDR') {
      parts.push(png.subarray(from, end), ...(profile ? [profileChunk(profile)] : []));
      from = end;
    } else if (REPLACED.has(type)) {
      parts.push(png.subarray(from, at));
      from = end;
    }
  }
  return Buffer.concat([...parts, png.subarray(from)]);
}

/** Compressed bytes that hold the header of a profile, and what they may grow to. */
const HEAD = { compressed: 1024, most: 2 * 1024 * 1024 };

/** The first bytes of the profile in an `iCCP` chunk; none where it is broken. W3C PNG, 11.3.2.3. */
export function inflatedHead(data: Buffer): Buffer {
  const compressed = data.subarray(data.indexOf(0) + 2).subarray(0, HEAD.compressed);
  try {
    return inflateSync(compressed, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: HEAD.most });
  } catch {
    return Buffer.alloc(0);
  }
}

function profileChunk(profile: Buffer): Buffer {
  return pngChunk('iCCP', Buffer.concat([Buffer.from('colours\0\0', 'latin1'), deflateSync(profile, { level: 0 })]));
}
