import { z } from 'zod';
import { OperatorError } from '../errors.ts';
import { FITS } from '../render/recipe.ts';
import { DEFAULT_FORMATS, DEFAULT_PIXEL_RATIOS, PINNABLE_FORMATS } from '../url/preset-defaults.ts';
import { ADJUST_FIELDS, ADJUST_RULES } from './fields/adjust.ts';
import { colour } from './fields/colour.ts';
import { DETAIL_FIELDS, DETAIL_RULES } from './fields/detail.ts';
import { ENCODE_FIELDS, ENCODE_RULES } from './fields/encode.ts';
import { FALLBACK_FIELDS, FALLBACK_RULES } from './fields/fallback.ts';
import { GEOMETRY_FIELDS, GEOMETRY_RULES, gravity, sidesOf } from './fields/geometry.ts';
import { JXL_RULES } from './fields/jxl.ts';
import { besideOriginal, ORIGINAL_FIELDS } from './fields/original.ts';
import { OVERLAY_FIELDS } from './fields/overlays/overlays.ts';
import { PAGE_FIELDS, PAGE_RULES } from './fields/pages.ts';
import { REDACT_FIELDS, REDACT_RULES } from './fields/redact.ts';
import { SHAPE_FIELDS } from './fields/shape.ts';

/** Most pixels along one side that a preset may ask for, before pixel ratios. */
const MAX_SIDE_PX = 8192;
/** A year: RFC 9111 knows no end, but older caches take more for a mistake. */
const MAX_LIFETIME_S = 31_536_000;
/** Levels of 255 a channel: JPEG's own noise on a plain background stays below. */
export const DEFAULT_TRIM_TOLERANCE = 10;

const side = z.int().min(1).max(MAX_SIDE_PX);

export const presetSchema = z
  .strictObject({
    width: side.optional(),
    height: side.optional(),
    fit: z.enum(FITS).default('inside'),
    format: z.enum(['auto', ...PINNABLE_FORMATS, 'original']).default('auto'),
    ...ENCODE_FIELDS,
    gravity: gravity.default('auto'),
    /** Largest factor by which a cover crop zooms in on the largest face. */
    faceZoom: z.number().min(1).max(8).default(1),
    background: z.union([z.literal(['blur', 'auto']), colour]).optional(),
    effort: z.int().min(0).max(9).optional(),
    animated: z.boolean().default(false),
    gamut: z.enum(['srgb', 'p3']).default('srgb'),
    /** `true` is a tolerance of DEFAULT_TRIM_TOLERANCE. */
    trim: z.union([z.boolean(), z.strictObject({ tolerance: z.int().min(0).max(128) })]).default(false),
    /** Empty border on each side, in percent of the rendition. */
    margin: z.number().min(0).max(40).default(0),
    keepCopyright: z.boolean().default(false),
    /** `auto` goes by what a picture looks like: drawn ones lose nothing where that pays. */
    lossless: z.union([z.literal('auto'), z.boolean()]).default('auto'),
    /** Seconds for which browsers and CDNs may keep a rendition without asking again. A year where left out. */
    maxAge: z.int().min(1).max(MAX_LIFETIME_S).optional(),
    /** Seconds after `maxAge` for which they may send it while they ask anew. */
    staleWhileRevalidate: z.int().min(1).max(MAX_LIFETIME_S).optional(),
    /** Browsers alone may keep it, and no CDN. */
    private: z.boolean().default(false),
    /** The declared suffixes. */
    widths: z.array(side).max(32).default([]),
    pixelRatios: z
      .array(z.number().min(0.5).max(4))
      .max(8)
      .default([...DEFAULT_PIXEL_RATIOS]),
    formats: z.array(z.enum(PINNABLE_FORMATS)).default([...DEFAULT_FORMATS]),
    ...ADJUST_FIELDS,
    ...DETAIL_FIELDS,
    ...REDACT_FIELDS,
    ...GEOMETRY_FIELDS,
    ...OVERLAY_FIELDS,
    ...FALLBACK_FIELDS,
    ...SHAPE_FIELDS,
    ...ORIGINAL_FIELDS,
    ...PAGE_FIELDS,
  })
  .refine(
    ({ format, width, height }) => format === 'original' || width !== undefined || height !== undefined,
    'needs a width, a height or both',
  )
  .refine(
    ({ fit, ...preset }) =>
      fit === 'inside' || fit === 'outside' || Object.values(sidesOf(preset)).every((length) => length !== undefined),
    'needs both a width and a height, because its fit is cover, contain, fill or pad',
  )
  .refine(
    ({ fit, margin }) => margin === 0 || fit === 'contain' || fit === 'inside' || fit === 'pad',
    'has a margin, which needs the fit contain, inside or pad',
  )
  .refine(
    ({ fit, gravity, faceZoom }) => faceZoom === 1 || (fit === 'cover' && (gravity === 'auto' || gravity === 'faces')),
    'has a faceZoom, which needs the fit cover and the gravity auto or faces',
  )
  .refine(
    ({ format, lossless }) => format !== 'jpeg' || lossless !== true,
    'cannot be lossless, because its format is jpeg',
  )
  .refine(({ gamut, animated }) => gamut === 'srgb' || !animated, 'cannot be both animated and of gamut p3')
  .superRefine((preset, context) => {
    for (const [agrees, otherwise] of RULES) if (!agrees(preset)) context.addIssue(otherwise);
    const more = preset.format === 'original' ? besideOriginal(preset, plainPreset()) : [];
    for (const sentence of more) context.addIssue(sentence);
  })
  .refine(
    ({ format, keepMetadata }) => !keepMetadata || format === 'original',
    'has keepMetadata, which needs the format original',
  );

const RULES = [
  ...[...GEOMETRY_RULES, ...REDACT_RULES, ...ADJUST_RULES, ...DETAIL_RULES],
  ...[...FALLBACK_RULES, ...ENCODE_RULES, ...JXL_RULES, ...PAGE_RULES],
];

function plainPreset(): Readonly<Record<string, unknown>> {
  return { ...presetSchema.parse({ width: 1 }), width: undefined };
}

const presetsSchema = z.record(
  z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected a name of [A-Za-z0-9_-]'),
  presetSchema,
);

/** A preset with its defaults filled in. Sizes in pixels. */
export type Preset = z.output<typeof presetSchema>;
/** The content of a presets file, before defaults. */
export type PresetDefinitions = z.input<typeof presetsSchema>;

/** Definitions that cannot be used; the message names presets and fields, for the operator. */
export class PresetsError extends OperatorError {}

/** Checks definitions read from a file. Throws a PresetsError that names the preset and the field of each fault. */
export function checkPresets(definitions: unknown): Record<string, Preset> {
  const checked = presetsSchema.safeParse(definitions);
  if (checked.success) return checked.data;
  const found = checked.error.issues.map((issue) => {
    const message = issue.code === 'invalid_key' ? issue.issues[0]?.message : issue.message;
    return `${issue.path.join('.') || 'the file'}: ${message}`;
  });
  throw new PresetsError(`presets are not valid: ${found.join('; ')}`);
}
