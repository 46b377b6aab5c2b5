import { cpSync, existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { parseArgs } from 'node:util';

/** What every bench takes, with more of its own: `--photos DIR` (the samples by default) and `--out DIR`. Text. */
export function benchOptions<More extends Record<string, string>>(more: More): { photos: string; out: string } & More {
  const here = (path: string) => new URL(path, import.meta.url).pathname;
  const defaults = { photos: here('../../samples'), out: here('../results'), ...more };
  const options = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, { type: 'string' as const, default: value }]),
  );
  return parseArgs({ options }).values as { photos: string; out: string } & More;
}

/** Names of the photos in a folder, in the same order everywhere; pictures that move are none. */
export function photosIn(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => /\.(jpe?g|png|webp)$/i.test(name));
  if (names.length === 0) throw new Error(`no photos in ${folder}`);
  return names.sort();
}

/**
 * Fills a folder with `count` originals under ids of their own, the photos in turn, so that each is new to a server
 * that remembers what it decoded. Hard links where the file system allows it. Returns the ids.
 */
export function manyOriginals(photos: string, folder: string, count: number, prefix = 'o'): string[] {
  const names = photosIn(photos);
  mkdirSync(folder, { recursive: true });
  return Array.from({ length: count }, (_, at) => {
    const name = names[at % names.length] as string;
    const id = `${prefix}${at}${extname(name)}`;
    const [from, to] = [join(photos, name), join(folder, id)];
    if (existsSync(to)) return id;
    try {
      linkSync(from, to);
    } catch {
      cpSync(from, to);
    }
    return id;
  });
}

/** A folder for one run, gone with `remove()`. */
export function temporaryFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'darkroom-bench-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** By the nearest rank; NaN of nothing. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
