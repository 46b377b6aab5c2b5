/** Everything that a run leaves to chance, from its seed alone. */
export interface Draws {
  /** From 0 to below 1. */
  share(): number;
  /** An integer from 0 to below `limit`. */
  below(limit: number): number;
  one<T>(among: readonly T[]): T;
  /** True this often, from 0 to 1. */
  happens(often: number): boolean;
}

/** mulberry32: small, and the same everywhere. `stream`: streams of one seed do not disturb each other. */
export function drawsOf(seed: number, stream = 0): Draws {
  let state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b)) >>> 0;
  const share = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(share() * limit);
  return {
    ...{ share, below },
    one: (among) => among[below(among.length)]!,
    happens: (often) => share() < often,
  };
}
