import { chunksOf, webpOf } from '../encoding/webp-file.ts';
import type { Frames } from './frames.ts';

/** A frame: of a still picture, or of an animation. */
const FRAME = new Set(['VP8 ', 'VP8L', 'ANMF']);
/** What the first frame is shown by, beside itself. */
const SHOWN_BY = new Set(['VP8X', 'ICCP', 'ANIM', 'ALPH', 'EXIF']);
/** EXIF tells the orientation, in its first entries. Larger blocks are dropped, so that the copy is no larger than the pixels. */
const MAX_EXIF_BYTES = 65_536;

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
  const kept: Buffer[] = [];
  let found = false;
  for (const { type, start, end } of chunksOf(webp)) {
    if (end > webp.length) break;
    const wanted = FRAME.has(type) ? !found : SHOWN_BY.has(type) && (type !== 'EXIF' || end - start < MAX_EXIF_BYTES);
    if (wanted) kept.push(webp.subarray(start, end));
    found ||= FRAME.has(type);
    // An animation's metadata stand behind all of its frames.
    if (type === 'ANMF') break;
  }
  return webpOf(kept);
}

/** By its first bytes, not by its name. */
function isWebp(file: Buffer): boolean {
  return file.toString('latin1', 0, 4) === 'RIFF' && file.toString('latin1', 8, 12) === 'WEBP';
}
