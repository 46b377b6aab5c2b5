import type { Pixels } from './pixels.ts';

const BINS = 16;
/** libvips divides 257 levels (`hist_find_ndim`), and sharp 256. */
const BIN_OF = Uint8Array.from({ length: 256 }, (_, level) => (level * BINS) / 257);
const BIN_LEVELS = 256 / BINS;

/**
 * The middle of the commonest of 16 × 16 × 16 parts of all colours, which is `dominant` of sharp's `stats()`, without the entropy and
 * sharpness that take it 5 ms of CPU. Of several, the one with the least green, then red, then blue, as libvips finds them.
 */
export function dominantColour({ data, channels }: Pick<Pixels, 'data' | 'channels'>): [number, number, number] {
  const counts = new Uint32Array(BINS ** 3);
  for (let at = 0; at + channels <= data.length; at += channels) {
    const [red, green, blue] = [BIN_OF[data[at]!]!, BIN_OF[data[at + 1]!]!, BIN_OF[data[at + 2]!]!];
    counts[(green * BINS + red) * BINS + blue]! += 1;
  }
  let commonest = 0;
  for (let bin = 1; bin < counts.length; bin += 1) if (counts[bin]! > counts[commonest]!) commonest = bin;
  const [green, red, blue] = [Math.floor(commonest / BINS ** 2), Math.floor(commonest / BINS) % BINS, commonest % BINS];
  return [red, green, blue].map((bin) => bin * BIN_LEVELS + BIN_LEVELS / 2) as [number, number, number];
}
