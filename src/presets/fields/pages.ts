import { z } from 'zod';
import type { Recipe } from '../../render/recipe.ts';
import { decimal, type InlineField } from './inline-values.ts';
import type { Rules } from './rules.ts';

/** Preset fields of originals that hold several pictures: animations, TIFF, HEIC collections. */
export const PAGE_FIELDS = {
  /** Which picture is shown; 0 is the first, and of a HEIC its primary one. */
  page: z.int().min(0).max(999).optional(),
  /** Frames of an animation that are kept, from the first on. */
  frames: z.int().min(1).max(1000).optional(),
  /** By how much faster an animation runs. */
  speed: z.number().min(0.1).max(10).optional(),
};

/** The same in inline recipes. */
export const INLINE_PAGES = {
  page: ['page', Number],
  frames: ['frames', Number],
  speed: ['speed', decimal],
} as const satisfies Record<string, InlineField>;

type PageFields = z.output<z.ZodObject<typeof PAGE_FIELDS>>;

export const PAGE_RULES: Rules<PageFields & { readonly animated: boolean }> = [
  [({ page, animated }) => page === undefined || !animated, 'cannot be animated and show one page'],
  [
    ({ frames, speed, animated }) => animated || (frames === undefined && speed === undefined),
    'has frames or a speed, which need animated',
  ],
];

/** Absent where they say nothing. */
export function pagesOf({ page, frames, speed }: PageFields): Pick<Recipe, 'page' | 'motion'> {
  const faster = speed === undefined || speed === 1 ? {} : { speed };
  const motion = { ...(frames === undefined ? {} : { frames }), ...faster };
  return { ...(page ? { page } : {}), ...(Object.keys(motion).length === 0 ? {} : { motion }) };
}
