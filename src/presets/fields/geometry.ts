import { z } from 'zod';
import type { Frame } from '../../render/effects/effects.ts';
import { type Gravity, type Length, NAMED_GRAVITIES, type Recipe } from '../../render/recipe.ts';
import { decimal, type InlineField } from './inline-values.ts';
import type { Rules } from './rules.ts';

/** Far more than any original that is read has along one side. */
const MAX_CROP_PX = 1_000_000;
const MAX_PADDING_PX = 2000;

const percent = z
  .string()
  .regex(/^\d{1,3}(\.\d{1,6})?%$/, 'expected pixels, or percent such as 12.5%')
  .refine((text) => Number.parseFloat(text) <= 100, 'expected at most 100%');
const at = z.union([z.int().min(0).max(MAX_CROP_PX), percent]).default(0);
const length = z.union([z.int().min(1).max(MAX_CROP_PX), percent]);
const fraction = z.number().min(0).max(1);
const padding = z.int().min(0).max(MAX_PADDING_PX);

/** A name, or a focal point in fractions of the upright original. */
export const gravity = z.union([z.enum(NAMED_GRAVITIES), z.strictObject({ x: fraction, y: fraction })]);

/** Preset fields that decide which part of an original is shown, how it is turned, and what is around it. */
export const GEOMETRY_FIELDS = {
  /** Pixels of the upright original, or percent of it such as `"12.5%"`. What reaches beyond it is left out. */
  crop: z.strictObject({ x: at, y: at, width: length, height: length }).optional(),
  /** Degrees clockwise. */
  rotate: z.union([z.literal(90), z.literal(180), z.literal(270)]).optional(),
  /** Behind the turn: `horizontal` swaps left and right. */
  flip: z.enum(['horizontal', 'vertical', 'both']).optional(),
  enlarge: z.boolean().default(false),
  extend: z.boolean().default(false),
  /** Pixels of the preset on each side, or at the top, right, bottom and left; within its size. */
  padding: z.union([padding, z.tuple([padding, padding, padding, padding])]).optional(),
  /** The side that is left out, such as `3:2`. */
  aspectRatio: z
    .string()
    .regex(/^\d{1,4}(\.\d{1,4})?:\d{1,4}(\.\d{1,4})?$/, 'expected a ratio such as 3:2')
    .refine((text) => text.split(':').every((side) => Number(side) > 0), 'expected a ratio of two numbers above 0')
    .optional(),
};

type Fields = z.output<z.ZodObject<typeof GEOMETRY_FIELDS>>;
interface Checked extends Fields {
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly fit: string;
  readonly gravity: Gravity;
  readonly background?: string | undefined;
}

export const GEOMETRY_RULES: Rules<Checked> = [
  [
    ({ aspectRatio, width, height }) => aspectRatio === undefined || (width === undefined) !== (height === undefined),
    'has an aspectRatio, which needs a width or a height, not both',
  ],
  [
    (preset) => {
      const { width = 1, height = 1 } = sidesOf(preset);
      return preset.aspectRatio === undefined || Math.max(width, height) <= MAX_SIDE_PX;
    },
    'has an aspectRatio that makes a side longer than 8192 pixels',
  ],
  [
    ({ crop }) => crop === undefined || [crop.width, crop.height].every((side) => Number.parseFloat(String(side)) > 0),
    'has a crop of no width or height',
  ],
  [
    ({ enlarge, extend }) => !enlarge || !extend,
    'cannot both enlarge and extend: fit contain with enlarge fills the size',
  ],
  [
    (preset) => {
      const { width, height } = sidesOf(preset);
      return !preset.extend || (width !== undefined && height !== undefined);
    },
    'has extend, which needs both a width and a height',
  ],
  [
    ({ extend, fit }) => !extend || (fit !== 'fill' && fit !== 'outside'),
    'has extend, which needs the fit inside, contain, cover or pad',
  ],
  [
    ({ background, fit }) => (background !== 'blur' && background !== 'auto') || fit === 'pad',
    'has the background blur or auto, which needs the fit pad',
  ],
  [
    ({ gravity: where, fit }) => typeof where === 'string' || fit === 'cover',
    'has a focal point, which needs the fit cover',
  ],
  [
    (preset) => {
      const { width = Number.POSITIVE_INFINITY, height = Number.POSITIVE_INFINITY } = sidesOf(preset);
      const [top, right, bottom, left] = paddingOf(preset) ?? [0, 0, 0, 0];
      return left + right < width && top + bottom < height;
    },
    'has a padding that leaves no room for the picture',
  ],
];

const MAX_SIDE_PX = 8192;

/** Width and height of a preset, one of them by its aspect ratio. Rounded where `of` is: at another width or pixel ratio. */
export function sidesOf({ width, height, aspectRatio }: Pick<Checked, 'width' | 'height' | 'aspectRatio'>) {
  if (aspectRatio === undefined) return { width, height };
  const [across = 1, down = 1] = aspectRatio.split(':').map(Number);
  const whole = (length: number) => Math.max(1, Math.round(length));
  if (width !== undefined && height === undefined) return { width, height: whole((width * down) / across) };
  if (height !== undefined && width === undefined) return { width: whole((height * across) / down), height };
  return { width, height };
}

const flag = (text: string) => (text === '1' ? true : text);
const lengthOf = (text: string) => (text.endsWith('pc') ? `${decimal(text.slice(0, -2))}%` : decimal(text));

/** The same in inline recipes; percent are written `12p5pc`. */
export const INLINE_GEOMETRY = {
  crop: [
    'crop',
    (text) => {
      const [x, y, width, height, ...rest] = text.split(':').map(lengthOf);
      return rest.length > 0 ? text : { x, y, width, height };
    },
  ],
  rot: ['rotate', Number],
  flip: ['flip', (text) => ({ h: 'horizontal', v: 'vertical', hv: 'both' })[text] ?? text],
  en: ['enlarge', flag],
  ext: ['extend', flag],
  pad: ['padding', (text) => (text.includes(':') ? text.split(':').map(decimal) : decimal(text))],
  ar: ['aspectRatio', (text) => text.replaceAll('p', '.')],
} as const satisfies Record<string, InlineField>;

/** A gravity in an inline recipe: a name, or a focal point such as `0p3:0p5`. */
export function inlineGravity(text: string): unknown {
  const [x, y, ...rest] = text.split(':').map(decimal);
  return text.includes(':') && rest.length === 0 ? { x, y } : text;
}

/** A background in an inline recipe: `blur`, `auto`, or a colour without its `#`. */
export function inlineBackground(text: string): string {
  return text === 'blur' || text === 'auto' ? text : `#${text}`;
}

/** Absent where a preset says nothing: see `Recipe`. */
export function geometryOf({ crop, rotate, flip, enlarge, extend }: Fields): Partial<Recipe> {
  return {
    ...(crop ? { crop: crop as { [side in keyof typeof crop]: Length } } : {}),
    ...(rotate ? { rotate } : {}),
    ...(flip ? { flip } : {}),
    ...(enlarge ? { enlarge } : {}),
    ...(extend ? { extend } : {}),
  };
}

export function frameOf(preset: Pick<Checked, 'padding' | 'background'>): { frame?: Frame } {
  const { background } = preset;
  const around = paddingOf(preset);
  const backdrop = background === 'blur' || background === 'auto' ? background : undefined;
  if (!around && !backdrop) return {};
  return { frame: { ...(around ? { padding: around } : {}), ...(backdrop ? { backdrop } : {}) } };
}

/** The one colour behind a picture; undefined where that is made of the picture itself. */
export function colourOf(background: string | undefined): string | undefined {
  return background === 'blur' || background === 'auto' ? undefined : background;
}

function paddingOf({ padding: sides }: Pick<Checked, 'padding'>): [number, number, number, number] | undefined {
  const all: [number, number, number, number] | undefined =
    typeof sides === 'number' ? [sides, sides, sides, sides] : sides;
  return all?.some((side) => side > 0) ? all : undefined;
}
