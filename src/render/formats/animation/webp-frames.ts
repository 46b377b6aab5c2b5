import type { Frames } from './frames.ts';

const RIFF_HEAD_BYTES = 12;
const CHUNK_HEAD_BYTES = 8;
/** A frame: of a still picture, or of an animation. */
const FRAME = new Set(['VP8 ', 'VP8L', 'ANMF']);
/** What the first frame is shown by, beside itself. */
const SHOWN_BY = new Set(['VP8X', 'ICCP', 'ANIM', 'ALPH', 'EXIF']);
/** EXIF tells the orientation, in its first entries. Larger blocks are dropped, so that the copy is no larger than the pixels. */
const MAX_EXIF_BYTES = 65_536;

interface Chunk {
  readonly type: string;
  readonly start: number;
  /** Without the pad byte of a chunk of odd length. */
  readonly end: number;
}

/** By the container alone (RFC 9649, section 2). Undefined for other files and where the first frame does not end. */
export function webpFrames(webp: Buffer, most: number): Frames | undefined {
  if (!isWebp(webp)) return undefined;
  let [count, firstEnds, broken] = [0, false, false];
  for (const { type, end } of chunksOf(webp)) {
    if (!FRAME.has(type)) continue;
    count += 1;
    if (count === 1) firstEnds = end <= webp.length;
    broken = end > webp.length;
    if (count > most) break;
  }
  return firstEnds ? { count, broken, first: () => firstFrame(webp), uncovered: false } : undefined;
}

function firstFrame(webp: Buffer): Buffer {
  const kept: Buffer[] = [Buffer.from('RIFF\0\0\0\0WEBP', 'latin1')];
  let found = false;
  for (const { type, start, end } of chunksOf(webp)) {
    if (end > webp.length) break;
    const wanted = FRAME.has(type) ? !found : SHOWN_BY.has(type) && (type !== 'EXIF' || end - start < MAX_EXIF_BYTES);
    if (wanted) kept.push(webp.subarray(start, end), Buffer.alloc((end - start) % 2));
    found ||= FRAME.has(type);
    // An animation's metadata stand behind all of its frames.
    if (type === 'ANMF') break;
  }
  const file = Buffer.concat(kept);
  file.writeUInt32LE(file.length - CHUNK_HEAD_BYTES, 4);
  return file;
}

/** The last one may end behind the file. */
function* chunksOf(webp: Buffer): Generator<Chunk> {
  for (let at = RIFF_HEAD_BYTES; at + CHUNK_HEAD_BYTES <= webp.length; ) {
    const end = at + CHUNK_HEAD_BYTES + webp.readUInt32LE(at + 4);
    yield { type: webp.toString('latin1', at, at + 4), start: at, end };
    at = end + ((end - at) % 2);
  }
}

/** By its first bytes, not by its name. */
function isWebp(file: Buffer): boolean {
  return file.toString('latin1', 0, 4) === 'RIFF' && file.toString('latin1', 8, 12) === 'WEBP';
}
