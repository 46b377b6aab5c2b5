import { z } from 'zod';
import { BLENDS, type Overlay, POSITIONS } from '../../../render/effects/effects.ts';
import type { KnownAssets } from '../../known-assets.ts';
import { assetName } from './asset-name.ts';
import { filledIn, hasStrayBraces, variablesOf } from './variables.ts';

const MAX_OVERLAYS = 4;
/** As many as a URL may carry. */
const MAX_VARIABLES = 8;
/** Of a text with its variables filled in: letters and marks. */
export const MAX_TEXT_LETTERS = 300;
const MAX_OFFSET_PX = 4096;

const colour = z.string().regex(/^#[0-9a-f]{6}([0-9a-f]{2})?$/i, 'expected a colour such as #ffffff or #00000080');
const offset = z.number().min(-MAX_OFFSET_PX).max(MAX_OFFSET_PX);
const text = z
  .string()
  .min(1)
  .max(200)
  .regex(/^(?:\n|[^\p{Cc}\p{Cs}])*$/u, 'expected a text without control characters but line breaks')
  .refine((template) => !hasStrayBraces(template), 'has a brace that is no variable such as {seller}, of a-z 0-9 _ .');

/** Those that only a text has. */
const TEXT_ONLY = ['font', 'size', 'color', 'outline', 'background'] as const;

const overlay = z
  .strictObject({
    /** Name of an asset. */
    image: assetName.optional(),
    /** `\n` begins a line. */
    text: text.optional(),
    position: z.enum(POSITIONS).optional(),
    tile: z.literal(true).optional(),
    /** Pixels of the preset. */
    offset: z.strictObject({ x: offset, y: offset }).optional(),
    /** Percent of the rendition's width. */
    width: z.number().min(0.1).max(100).optional(),
    opacity: z.number().min(0.01).max(1).optional(),
    /** Degrees clockwise. */
    rotate: z.number().min(-360).max(360).optional(),
    blend: z.enum(BLENDS).optional(),
    /** Pixels of the rendition. */
    minWidth: z.int().min(1).max(32_768).optional(),
    font: assetName.optional(),
    /** Pixels of the preset. */
    size: z.number().min(4).max(1000).optional(),
    color: colour.optional(),
    outline: z.strictObject({ color: colour, width: z.number().min(0.5).max(50) }).optional(),
    background: colour.optional(),
  })
  .refine(({ image, text }) => (image === undefined) !== (text === undefined), 'needs an image or a text, and not both')
  .refine(({ position, tile }) => !position || !tile, 'has both a position and tile')
  .refine(
    (fields) => fields.image === undefined || TEXT_ONLY.every((field) => fields[field] === undefined),
    `is an image, which has no ${TEXT_ONLY.join(', ')}`,
  )
  .refine(
    ({ tile, offset: gap }) => !tile || !gap || (gap.x >= 0 && gap.y >= 0),
    'is tiled, and its offset, the gap between two, cannot be negative',
  );

type OverlayField = z.output<typeof overlay>;

/** What is drawn on a rendition. */
export const OVERLAY_FIELDS = {
  overlays: z
    .array(overlay)
    .min(1)
    .max(MAX_OVERLAYS)
    .refine((list) => namesIn(list).size <= MAX_VARIABLES, `name more than ${MAX_VARIABLES} variables`)
    .optional(),
};

/** The variables that a URL of this preset carries: all of them, and no other. */
export function namesIn(overlays: readonly { readonly text?: string | undefined }[] = []): ReadonlySet<string> {
  return new Set(overlays.flatMap((each) => (each.text === undefined ? [] : variablesOf(each.text))));
}

/** The assets that a preset names, each with its field. */
export function assetsIn(overlays: readonly OverlayField[] = []): { kind: 'image' | 'font'; name: string }[] {
  return overlays.flatMap(({ image, font }) => [
    ...(image === undefined ? [] : [{ kind: 'image' as const, name: image }]),
    ...(font === undefined ? [] : [{ kind: 'font' as const, name: font }]),
  ]);
}

/** Undefined where an image or font does not exist, and for texts over MAX_TEXT_LETTERS. Texts that came out empty are left out. */
export function overlaysOf(
  overlays: readonly OverlayField[],
  variables: Readonly<Record<string, string>>,
  assets: KnownAssets,
): Overlay[] | undefined {
  const drawn: Overlay[] = [];
  for (const field of overlays) {
    const made = field.text === undefined ? imageOf(field, assets) : textOf(field, field.text, variables, assets);
    if (!made) return undefined;
    if (!('text' in made) || made.text.trim() !== '') drawn.push(made);
  }
  return drawn;
}

function imageOf(field: OverlayField, assets: KnownAssets): Overlay | undefined {
  const image = assets.image(field.image ?? '');
  return image === undefined ? undefined : { image, ...laidOf(field) };
}

function textOf(
  field: OverlayField,
  template: string,
  variables: Readonly<Record<string, string>>,
  assets: KnownAssets,
): Overlay | undefined {
  const { font = '', size = 24, color = '#ffffff', outline, background } = field;
  const filled = filledIn(template, variables);
  if (!assets.hasFont(font) || [...filled].length > MAX_TEXT_LETTERS) return undefined;
  return {
    ...{ text: filled, font, fonts: assets.fontsDigest, size, color },
    ...(outline ? { outline } : {}),
    ...(background ? { background } : {}),
    ...laidOf(field),
  };
}

function laidOf(field: OverlayField) {
  const { tile, position = 'southeast', offset: at = { x: 0, y: 0 }, opacity = 1, rotate = 0, blend = 'over' } = field;
  return {
    ...{ position: tile ? ('tile' as const) : position, offset: at, opacity, rotate, blend },
    ...(field.width === undefined ? {} : { width: field.width / 100 }),
    ...(field.minWidth === undefined ? {} : { minWidth: field.minWidth }),
  };
}
