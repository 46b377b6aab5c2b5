import { z } from 'zod';
import type { Detail, Effects } from '../../render/effects/effects.ts';
import { decimal, type InlineField } from './inline-values.ts';
import type { Rules } from './rules.ts';

/** Preset fields that change how sharp a rendition is. Lengths are in pixels of the preset. */
export const DETAIL_FIELDS = {
  /** `auto` gives back what scaling down took; a number lifts detail of this size, the standard deviation of a Gaussian. */
  sharpen: z
    .union([z.literal('auto'), z.number().min(0.3).max(10)], 'expected auto or a number from 0.3 to 10')
    .optional(),
  /** Side of squares of one colour. */
  pixelate: z.number().min(1).max(1000).optional(),
  /** Standard deviation of a Gaussian blur, in pixels of the preset. */
  blur: z.number().min(0.3).max(250).optional(),
};

type DetailFields = z.output<z.ZodObject<typeof DETAIL_FIELDS>>;

/** The same in inline recipes. */
export const INLINE_DETAIL = {
  sharpen: ['sharpen', decimal],
  pixelate: ['pixelate', decimal],
  blur: ['blur', decimal],
} as const satisfies Record<string, InlineField>;

export const DETAIL_RULES: Rules<DetailFields> = [
  [
    ({ sharpen, pixelate, blur }) => sharpen === undefined || (pixelate === undefined && blur === undefined),
    'cannot be sharpened and also blurred or pixelated',
  ],
];

export function detailOf({ sharpen, pixelate, blur }: DetailFields): Pick<Effects, 'detail'> {
  const detail: Detail = {
    ...(sharpen === undefined ? {} : { sharpen }),
    ...(pixelate === undefined ? {} : { pixelate }),
    ...(blur === undefined ? {} : { blur }),
  };
  return Object.keys(detail).length === 0 ? {} : { detail };
}
