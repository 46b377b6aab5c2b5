import { z } from 'zod';
import type { Effects, Shape } from '../../render/effects/effects.ts';
import { colour, inlineColour } from './colour.ts';
import { decimal, type InlineField } from './inline-values.ts';

/** The longest side of a preset: no corner is larger. */
const MAX_RADIUS_PX = 8192;
const MAX_BORDER_PX = 1000;
const RADIUS_EXPECTED = 'expected pixels, a percentage up to 50% or circle';
const PERCENT = /^(\d{1,2}(?:\.\d{1,3})?)%$/;
/** Of the shorter side: then both corners of a side meet. */
const MOST_PERCENT = 50;

/** Preset fields for the outline of the picture. Lengths are in pixels of the preset. */
export const SHAPE_FIELDS = {
  /** Of the corners: a length, a share of the picture's shorter side such as `10%`, or `circle`. */
  radius: z
    .union(
      [z.literal('circle'), z.string().refine(isShare, RADIUS_EXPECTED), z.number().min(0).max(MAX_RADIUS_PX)],
      RADIUS_EXPECTED,
    )
    .optional(),
  /** Inside the edge, and following its corners. */
  border: z.strictObject({ width: z.number().min(0).max(MAX_BORDER_PX), color: colour }).optional(),
};

type ShapeFields = z.output<z.ZodObject<typeof SHAPE_FIELDS>>;

/** The same in inline recipes: `radius_12`, `radius_10pct`, `radius_circle`, `border_2:cccccc`. */
export const INLINE_SHAPE = {
  radius: ['radius', length],
  border: ['border', widthAndColour],
} as const satisfies Record<string, InlineField>;

/** A percent sign would begin an escape of the URL. */
function length(text: string): unknown {
  const [, percent] = /^([^t]+)pct$/.exec(text) ?? [];
  return percent === undefined ? decimal(text) : `${decimal(percent)}%`;
}

function widthAndColour(text: string): unknown {
  const [width = '', hex, ...more] = text.split(':');
  return hex !== undefined && more.length === 0 ? { width: decimal(width), color: inlineColour(hex) } : text;
}

function percentOf(text: string): number | undefined {
  const [, percent] = PERCENT.exec(text) ?? [];
  return percent === undefined ? undefined : Number(percent);
}

function isShare(text: string): boolean {
  const percent = percentOf(text);
  return percent !== undefined && percent <= MOST_PERCENT;
}

/** Absent where nothing changes. */
export function shapeOf({ radius, border }: ShapeFields): Pick<Effects, 'shape'> {
  const round = radius === undefined ? undefined : radiusOf(radius);
  const shape: Shape = {
    ...(round === undefined ? {} : { radius: round }),
    ...(border && border.width > 0 ? { border } : {}),
  };
  return Object.keys(shape).length === 0 ? {} : { shape };
}

function radiusOf(radius: string | number): Shape['radius'] {
  if (radius === 0) return undefined;
  if (typeof radius === 'number' || radius === 'circle') return radius;
  const percent = percentOf(radius);
  return percent ? { percent } : undefined;
}
