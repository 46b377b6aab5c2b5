import { z } from 'zod';
import type { Adjust, Effects, Toned } from '../../render/effects/effects.ts';
import { colour, inlineColour } from './colour.ts';
import { decimal, flag, type InlineField } from './inline-values.ts';
import type { Rules } from './rules.ts';

const factor = z.number().min(0).max(4).optional();

/** Preset fields that change levels and colours, in the order in which they are done. Where left out, nothing changes. */
export const ADJUST_FIELDS = {
  /** Brings dark and dull photos to ordinary levels; good ones stay as they are. */
  normalize: z.boolean().optional(),
  /** Factor on all levels; 1 is neutral. */
  brightness: factor,
  /** Factor on the distance from the middle level; 1 is neutral. */
  contrast: factor,
  /** 1 is neutral; above, the middle levels become lighter. */
  gamma: z.number().min(0.2).max(5).optional(),
  /** 0 is grey, 1 is neutral. */
  saturation: factor,
  /** Degrees around the circle of hues; 0 is neutral. */
  hue: z.number().min(-360).max(360).optional(),
  grayscale: z.boolean().optional(),
  /** Share of sepia, 0 to 1; `true` is 1. */
  sepia: z.union([z.boolean(), z.number().min(0).max(1)], 'expected a boolean or a number from 0 to 1').optional(),
  /** The colour between black and white. */
  tint: colour.optional(),
  duotone: z.strictObject({ shadows: colour, highlights: colour }).optional(),
};

type AdjustFields = z.output<z.ZodObject<typeof ADJUST_FIELDS>>;

/** The same in inline recipes. */
export const INLINE_ADJUST = {
  normalize: ['normalize', flag],
  brightness: ['brightness', decimal],
  contrast: ['contrast', decimal],
  gamma: ['gamma', decimal],
  saturation: ['saturation', decimal],
  hue: ['hue', decimal],
  grayscale: ['grayscale', flag],
  sepia: ['sepia', decimal],
  tint: ['tint', inlineColour],
  duotone: ['duotone', twoColours],
} as const satisfies Record<string, InlineField>;

/** `shadows:highlights`. */
function twoColours(text: string): unknown {
  const [shadows, highlights, ...more] = text.split(':').map(inlineColour);
  return more.length === 0 ? { shadows, highlights } : text;
}

export const ADJUST_RULES: Rules<AdjustFields> = [
  [
    (fields) => tonesOf(fields).length <= 1,
    'can have one of grayscale, sepia, tint and duotone, because each decides all colours',
  ],
];

function tonesOf({ grayscale, sepia, tint, duotone }: AdjustFields): Toned[] {
  return [
    ...(grayscale ? [{ grayscale } as const] : []),
    ...(sepia ? [{ sepia: Number(sepia) }] : []),
    ...(tint === undefined ? [] : [{ tint }]),
    ...(duotone === undefined ? [] : [{ duotone }]),
  ];
}

/** Absent where nothing changes: a brightness of 1 costs nothing. */
export function adjustOf(fields: AdjustFields): Pick<Effects, 'adjust'> {
  const { normalize, brightness = 1, contrast = 1, gamma = 1, saturation = 1, hue = 0 } = fields;
  const [toned] = tonesOf(fields);
  const adjust: Adjust = {
    ...(normalize ? { normalize } : {}),
    ...(brightness === 1 ? {} : { brightness }),
    ...(contrast === 1 ? {} : { contrast }),
    ...(gamma === 1 ? {} : { gamma }),
    ...(saturation === 1 ? {} : { saturation }),
    ...(hue % 360 === 0 ? {} : { hue }),
    ...(toned ? { toned } : {}),
  };
  return Object.keys(adjust).length === 0 ? {} : { adjust };
}
