/** A shop's mixed traffic as a CDN sees it: few photos are looked at often, in five sizes, by eight kinds of browsers. */
import { seededRandom } from './options.ts';

/** Few pixels each, so that the run is about the cache and not about rendering. */
export const PRESETS = {
  thumb: { width: 150, height: 150, fit: 'cover', gravity: 'center', format: 'webp', quality: 75 },
  card: { width: 400, height: 300, fit: 'cover', gravity: 'center', format: 'auto', widths: [200, 400, 800] },
  detail: { width: 1000, height: 1000, fit: 'inside', format: 'auto', pixelRatios: [1] },
};
/** What is asked for, in percent: a listing page, then a photo looked at. */
export const MIX: [name: string, percent: number][] = [
  ['thumb', 40],
  ['card@200w', 18],
  ['card@400w', 22],
  ['card@800w', 10],
  ['detail', 10],
];
/** What browsers and others are known to write into Accept for an image; their shares, in percent, are made up. */
export const CLIENTS: [accept: string, percent: number][] = [
  ['image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8', 62],
  [
    'image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5',
    18,
  ],
  ['image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5', 6],
  ['image/avif,image/webp,*/*', 2],
  ['image/webp,image/apng,image/*,*/*;q=0.8', 4],
  ['image/webp,*/*', 2],
  ['image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5', 3],
  ['*/*', 3],
];

function pick<T>(from: readonly (readonly [T, number])[], random: number): T {
  let left = random * from.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [value, weight] of from) {
    left -= weight;
    if (left < 0) return value;
  }
  return from.at(-1)![0];
}
export interface Asked {
  readonly preset: string;
  readonly id: string;
  readonly accept: string;
}

/** The same for the same seed. Ids by Zipf's law with exponent 1: the second is looked at half as often as the first. */
export function traffic(requests: number, originals: number, seed: number): Asked[] {
  const random = seededRandom(seed);
  const ids = Array.from({ length: originals }, (_, rank) => [`listings/${rank}.jpg`, 1 / (rank + 1)] as const);
  return Array.from({ length: requests }, () => ({
    preset: pick(MIX, random()),
    id: pick(ids, random()),
    accept: pick(CLIENTS, random()),
  }));
}

/** As the markup of `picture()` asks: the browser picks the source, so the URL says the format. */
export function pinned({ preset, accept }: Asked): string {
  if (preset === 'thumb') return preset;
  return `${preset}.${/image\/avif/.test(accept) ? 'avif' : /image\/webp/.test(accept) ? 'webp' : 'jpeg'}`;
}
