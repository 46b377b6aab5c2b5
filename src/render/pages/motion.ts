import type { PictureHeader, PictureSource } from '../picture-source.ts';
import { keepsFrames, type Recipe } from '../recipe.ts';

/** Browsers show a frame of a shorter delay for 100 ms: https://webkit.org/b/14413 */
const SHORTEST_MS = 20;
const ORDINARY_MS = 100;
const LONGEST_MS = 65_535;

/** The header of an animation of which a recipe keeps the first frames, or which it runs at another speed. */
export function withMotion<Header extends PictureHeader>(header: Header, recipe: Recipe): Header {
  const { motion } = recipe;
  if (!motion || header.frames === 1 || !keepsFrames(recipe)) return header;
  const frames = Math.min(header.frames, motion.frames ?? header.frames);
  if (frames === 1) return { ...header, frames, delays: undefined, loop: undefined };
  const delays = header.delays?.slice(0, frames).map((delay) => faster(delay, motion.speed ?? 1));
  return { ...header, frames, delays };
}

function faster(delay: number, speed: number): number {
  if (speed === 1) return delay;
  const shown = delay < SHORTEST_MS ? ORDINARY_MS : delay;
  return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, Math.round(shown / speed)));
}

/** The same for what a rendition is made of. */
export function inMotion(source: PictureSource, recipe: Recipe): PictureSource {
  return source.kind === 'original' ? { ...source, header: withMotion(source.header, recipe) } : source;
}
