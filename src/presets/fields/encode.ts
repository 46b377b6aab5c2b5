import { z } from 'zod';
import type { Encoding, Output, Recipe } from '../../render/recipe.ts';
import { decimal, type InlineField } from './inline-values.ts';
import type { Rules } from './rules.ts';

/**
 * The mean SSIM that `quality: "auto"` aims at where a preset says none: that of JPEGs of quality 80 at 600 px, on camera photos
 * (bench/results, "quality-auto").
 */
export const DEFAULT_SSIM = 0.96;
/** From where a search for a quality begins, and the quality of what has no SSIM to measure. */
const STARTING_QUALITY = 80;
/** More is larger than any object of the result store. */
const MAX_BYTES = 64 * 1024 * 1024;

const onScale = z.int().min(1).max(100);

/** Preset fields that say how a rendition is coded. */
export const ENCODE_FIELDS = {
  /** On JPEG's scale; `auto` finds the one that gives each picture the same SSIM. */
  quality: z.union([z.literal('auto'), onScale]).default(STARTING_QUALITY),
  /** In place of `quality`, for each format that is named. */
  qualities: z.strictObject({ avif: onScale, webp: onScale, jpeg: onScale }).partial().optional(),
  /** The mean SSIM of `quality: "auto"`, 1 for an identical picture. DEFAULT_SSIM where left out. */
  ssim: z.number().min(0.8).max(0.995).optional(),
  /** Bytes that a rendition may have: the largest quality is sent that fits. */
  maxBytes: z.int().min(1).max(MAX_BYTES).optional(),
  /** JPEG in passes, PNG interlaced. */
  progressive: z.boolean().optional(),
  /** `auto` goes by format and look. */
  chroma: z.enum(['auto', '4:2:0', '4:4:4']).default('auto'),
  /** Colours of a PNG or GIF, at most: as many as a PNG has room for at 1, 2, 4 and 8 bits a pixel. */
  palette: z.literal([2, 4, 16, 256]).optional(),
  /** Dots per inch, written into JPEG and PNG for programs that print. */
  dpi: z.int().min(1).max(2400).optional(),
};

type EncodeFields = z.output<z.ZodObject<typeof ENCODE_FIELDS>>;
type Ruled = EncodeFields & { readonly format: string; readonly lossless: boolean | 'auto' };

const LETTERS: Readonly<Record<string, string>> = { a: 'avif', w: 'webp', j: 'jpeg' };
const CHROMAS: Readonly<Record<string, string>> = { '420': '4:2:0', '444': '4:4:4' };

/** The same in inline recipes. */
export const INLINE_ENCODE = {
  q: ['quality', (text) => (text === 'auto' ? text : Number(text))],
  qs: ['qualities', qualitiesOf],
  ssim: ['ssim', decimal],
  max: ['maxBytes', Number],
  progressive: ['progressive', (text) => (text === '1' ? true : text === '0' ? false : text)],
  chroma: ['chroma', (text) => CHROMAS[text] ?? text],
  palette: ['palette', Number],
  dpi: ['dpi', Number],
} as const satisfies Record<string, InlineField>;

/** `a50:w70:j80`. Other text is left for the schema to refuse. */
function qualitiesOf(text: string): unknown {
  const parts = text.split(':').map((part) => /^([a-z])(\d+)$/.exec(part));
  const named = parts.map((part) => [LETTERS[part?.[1] ?? ''], Number(part?.[2])] as const);
  const letters = new Set(named.map(([format]) => format));
  return letters.has(undefined) || letters.size < named.length ? text : Object.fromEntries(named);
}

/** Whether a preset may come to one of these formats: those of `auto` are not known before the original is. */
const mayBe = ({ format }: Ruled, ...formats: readonly string[]) => format === 'auto' || formats.includes(format);

export const ENCODE_RULES: Rules<Ruled> = [
  [
    (preset) => preset.quality !== 'auto' || mayBe(preset, 'avif', 'webp', 'jpeg'),
    'has the quality auto, which needs the format auto, avif, webp or jpeg',
  ],
  [({ quality, lossless }) => quality !== 'auto' || lossless !== true, 'cannot be lossless and of the quality auto'],
  [({ ssim, quality }) => ssim === undefined || quality === 'auto', 'has an ssim, which needs the quality auto'],
  [
    (preset) => !preset.qualities || mayBe(preset, 'avif', 'webp', 'jpeg'),
    'has qualities, which need the format auto, avif, webp or jpeg',
  ],
  [
    ({ maxBytes, lossless }) => maxBytes === undefined || lossless !== true,
    'cannot be lossless and have maxBytes, because only loss makes it smaller',
  ],
  [
    (preset) => preset.progressive === undefined || mayBe(preset, 'jpeg', 'png'),
    'says progressive, which needs the format auto, jpeg or png',
  ],
  [
    (preset) =>
      preset.chroma === 'auto' || mayBe(preset, 'avif', 'jpeg', ...(preset.chroma === '4:2:0' ? ['webp'] : [])),
    'has a chroma, which needs the format auto, avif or jpeg: WebP knows 4:2:0 only',
  ],
  [
    ({ chroma, lossless }) => chroma !== '4:2:0' || lossless !== true,
    'cannot be lossless, because its chroma is 4:2:0',
  ],
  [
    (preset) => preset.palette === undefined || mayBe(preset, 'png'),
    'has a palette, which needs the format auto or png',
  ],
  [
    ({ palette, lossless }) => palette === undefined || lossless !== true,
    'cannot be lossless, because it has a palette',
  ],
  [
    (preset) => preset.dpi === undefined || mayBe(preset, 'jpeg', 'png'),
    'has dpi, which needs the format auto, jpeg or png',
  ],
];

/** What a base rendition may come to: a JPEG, a PNG or a GIF. */
const BASE: readonly Output[] = ['base'];

/** The quality, and how it is coded: absent fields say nothing, so that keys of presets without them stay. */
export function encodingOf(preset: EncodeFields, output: Output): Pick<Recipe, 'quality' | 'encoding'> {
  const { quality, qualities, ssim, maxBytes, progressive, chroma, palette, dpi } = preset;
  const isOneOf = (...outputs: readonly Output[]) => [...BASE, ...outputs].includes(output);
  const own = qualities?.[output === 'base' ? 'jpeg' : (output as keyof typeof qualities)];
  const seeks = own === undefined && quality === 'auto' && isOneOf('avif', 'webp', 'jpeg');
  const encoding: Encoding = {
    ...(seeks ? { ssim: ssim ?? DEFAULT_SSIM } : {}),
    ...(maxBytes === undefined ? {} : { maxBytes }),
    ...(progressive !== undefined && isOneOf('jpeg', 'png') ? { progressive } : {}),
    ...(chroma !== 'auto' && isOneOf('avif', 'jpeg') ? { chroma } : {}),
    ...(palette !== undefined && isOneOf('png') ? { palette } : {}),
    ...(dpi !== undefined && isOneOf('jpeg', 'png') ? { dpi } : {}),
  };
  return {
    quality: own ?? (quality === 'auto' ? STARTING_QUALITY : quality),
    ...(Object.keys(encoding).length === 0 ? {} : { encoding }),
  };
}
