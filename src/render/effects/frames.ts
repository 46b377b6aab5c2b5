import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Sharp } from 'sharp';
import { refuse } from '../formats/header.ts';
import type { Pixels } from '../pixels.ts';
import type { SharpModule } from '../sharp.ts';

/**
 * Each frame of a picture by itself through the same sharp operations, so that none reaches over into the next. The frames that come out
 * are of one size, which may be another than before.
 */
export async function eachFrame(
  sharp: SharpModule,
  { data, width, height, channels, frames, wide }: Pixels,
  apply: (image: Sharp) => Sharp,
): Promise<Pixels> {
  const bytes = width * height * channels;
  const done: { data: Buffer; width: number; height: number; channels: number }[] = [];
  for (let frame = 0; frame < frames; frame += 1) {
    const raw = { width, height, channels };
    const image = apply(sharp(data.subarray(frame * bytes, (frame + 1) * bytes), { raw }));
    const { data: made, info } = await image
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
      .catch(refuse);
    done.push({ data: made, width: info.width, height: info.height, channels: info.channels });
  }
  const [first] = done;
  if (!first || (first.channels !== 3 && first.channels !== 4)) throw new Error('an effect made no sRGB pixels');
  const joined = done.length === 1 ? first.data : Buffer.concat(done.map((each) => each.data));
  const made: Pixels = { data: joined, width: first.width, height: first.height, channels: first.channels, frames };
  return wide ? { ...made, wide } : made;
}

/** Two to five milliseconds of a loop that computes colours. */
const PART_PIXELS = 400_000;

/** Runs a loop in parts, from one item up to another, between which the server answers others. `each`: pixels of an item. */
export async function inParts(items: number, part: (from: number, to: number) => void, each = 1): Promise<void> {
  const step = Math.max(1, Math.floor(PART_PIXELS / each));
  for (let from = 0; from < items; from += step) {
    if (from > 0) await nextTurn();
    part(from, Math.min(items, from + step));
  }
}
