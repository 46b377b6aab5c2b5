import type { Size } from '../shrink.ts';

/** How the planes of a picture are coded: one of brightness, two of colour differences. */
export interface PlaneCoding {
  /** Pixels that a sample of the differences covers. */
  readonly covers: Size;
  /** Of a sample, 8 to 16. */
  readonly bits: number;
  /** Shares of red and blue in brightness. */
  readonly shares: readonly [red: number, blue: number];
  /** Samples use all levels, or those of a studio (ITU-T H.273, 8.3). */
  readonly isFull: boolean;
}

/** Factors on sums of samples, and what is added, half a level for rounding included. */
export interface Levels {
  readonly luma: number;
  readonly redByRed: number;
  readonly greenByBlue: number;
  readonly greenByRed: number;
  readonly blueByBlue: number;
  readonly red: number;
  readonly green: number;
  readonly blue: number;
}

/** ITU-T H.273, 8.3, from samples to R'G'B' of 0 to 255. */
export function levelsOf({ covers, bits, shares, isFull }: PlaneCoding, from: Size, to: Size): Levels {
  const [red, blue] = shares;
  const green = 1 - red - blue;
  const [more, most] = [2 ** (bits - 8), 2 ** bits - 1];
  const luma = 255 / (isFull ? most : 219 * more);
  const chroma = 255 / (isFull ? most : 224 * more);
  const [black, middle] = [isFull ? 0 : 16 * more * luma, 2 ** (bits - 1) * chroma];
  const pixels = (from.width / to.width) * (from.height / to.height);
  const samples = pixels / covers.width / covers.height;
  const factors = {
    redByRed: 2 * (1 - red),
    greenByBlue: (-2 * blue * (1 - blue)) / green,
    greenByRed: (-2 * red * (1 - red)) / green,
    blueByBlue: 2 * (1 - blue),
  };
  const bySample = Object.entries(factors).map(([name, factor]) => [name, (factor * chroma) / samples]);
  const { redByRed, greenByBlue, greenByRed, blueByBlue } = Object.fromEntries(bySample) as typeof factors;
  return {
    ...{ luma: luma / pixels, redByRed, greenByBlue, greenByRed, blueByBlue },
    red: 0.5 - black - factors.redByRed * middle,
    green: 0.5 - black - (factors.greenByBlue + factors.greenByRed) * middle,
    blue: 0.5 - black - factors.blueByBlue * middle,
  };
}
