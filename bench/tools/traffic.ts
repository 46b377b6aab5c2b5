import { seededRandom } from './options.ts';
import { PRODUCT, type Product } from './recipes.ts';

/** How often a shop's pages show each size: lists show thumbs, few visitors zoom in, fewer share. */
const SHARES: Readonly<Record<Product, number>> = {
  ...{ thumb: 0.4, small: 0.25, medium: 0.2 },
  ...{ large: 0.08, retina: 0.04, og: 0.03 },
};
/** Of the ranks of photos: the second is looked at half as often as the first. */
const ZIPF = 1;

export interface View {
  readonly photo: number;
  readonly preset: Product;
}

/** Views of a shop's photos, the same for the same seed. */
export function viewsOf(count: number, photos: number, seed: number): View[] {
  const random = seededRandom(seed);
  const weights = Array.from({ length: photos }, (_, rank) => 1 / (rank + 1) ** ZIPF);
  const choosePhoto = chooser(weights);
  const choosePreset = chooser(PRODUCT.map((preset) => SHARES[preset]));
  return Array.from({ length: count }, () => ({
    photo: choosePhoto(random()),
    preset: PRODUCT[choosePreset(random())] as Product,
  }));
}

function chooser(weights: readonly number[]): (at: number) => number {
  const sum = weights.reduce((a, b) => a + b, 0);
  let reached = 0;
  const ends = weights.map((weight) => {
    reached += weight / sum;
    return reached;
  });
  return (at) =>
    Math.max(
      0,
      Math.min(
        ends.length - 1,
        ends.findIndex((end) => at < end),
      ),
    );
}

/** What a CDN that keeps so many pictures, the least recently used out first, lets through. */
function missesOf(views: readonly View[], capacity: number): View[] {
  const kept = new Map<string, true>();
  return views.filter(({ photo, preset }) => {
    const key = `${photo} ${preset}`;
    const hit = kept.delete(key);
    kept.set(key, true);
    if (kept.size > capacity) kept.delete(kept.keys().next().value as string);
    return !hit;
  });
}

/** Views behind a CDN just large enough for so many hits: what it lets through, in order. */
export function behindCdn(views: readonly View[], hits: number): { misses: View[]; capacity: number; hits: number } {
  let [low, high] = [1, views.length];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (1 - missesOf(views, middle).length / views.length < hits) low = middle;
    else high = middle;
  }
  const misses = missesOf(views, high);
  return { misses, capacity: high, hits: 1 - misses.length / views.length };
}
