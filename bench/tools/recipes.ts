import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FitEnum, Sharp } from 'sharp';
import { BUILT_IN_PRESETS } from '../../src/url/built-in-presets.ts';

/** The six sizes of a product's photo. */
export const PRODUCT = ['thumb', 'small', 'medium', 'large', 'retina', 'og'] as const;
export type Product = (typeof PRODUCT)[number];
/** The six, and `medium` as AVIF. */
export type Measured = Product | 'avif';

/**
 * Whose encoder settings: `ours` as src/render/formats/encoding/encoders.ts (the benches print the bytes of both, so that a difference
 * shows), `plain` the same with sharp's default effort, `naive` as a plain server would: that, and mozjpeg.
 */
export type Settings = 'ours' | 'plain' | 'naive';

interface Size {
  readonly width: number;
  readonly height: number;
  readonly fit: keyof FitEnum;
  readonly format: 'webp' | 'jpeg' | 'avif';
  readonly quality: number;
}
export const RECIPES: Readonly<Record<Measured, Size>> = {
  ...BUILT_IN_PRESETS,
  avif: { width: 600, height: 600, fit: 'inside', format: 'avif', quality: 80 },
};

/** src/render/formats/encoding/encoders.ts's settings for WebP: up to so many pixels this effort, and so much off the quality. */
const WEBP = [
  { most: 40_000, effort: 4, less: 0 },
  { most: 90_000, effort: 4, less: 1 },
  { most: Number.POSITIVE_INFINITY, effort: 2, less: 0 },
] as const;
/** The same file's for AVIF by libaom, of which sharp is built, at quality 80. */
const AVIF = { quality: 66, effort: 0, chromaSubsampling: '4:2:0' } as const;
/** sharp's default for WebP. */
const PLAIN_EFFORT = 4;

/** A preset that crops to the centre. */
export const centred = (name: Measured) => ({ ...RECIPES[name], gravity: 'center' }) as const;

/**
 * A presets file in which all crop to the centre, as every other server does, the six each with a twin `<name>-plain` with sharp's
 * default effort, and a twin `<name>-faces` as the default product makes it. Returns its path.
 */
export function writePresets(folder: string): string {
  const presets = PRODUCT.flatMap((name) => {
    const preset = centred(name);
    return [
      [name, preset],
      // AVIF of that effort would take too long, and no bench asks for it.
      [`${name}-plain`, preset.format === 'webp' ? { ...preset, effort: PLAIN_EFFORT, formats: ['webp'] } : preset],
      [`${name}-faces`, RECIPES[name]],
    ];
  });
  const path = join(folder, 'presets.json');
  writeFileSync(path, JSON.stringify({ ...Object.fromEntries(presets), avif: centred('avif') }));
  return path;
}

/** One rendition by sharp alone, the file's reading included. */
export async function bare(
  sharp: typeof import('sharp').default,
  original: Buffer,
  name: Measured,
  settings: Settings,
): Promise<Buffer> {
  const { width, height, fit } = RECIPES[name];
  const image = sharp(original, { autoOrient: true, failOn: 'error' })
    .resize({ width, height, fit, withoutEnlargement: true })
    .toColourspace('srgb');
  return encoded(image, name, settings).toBuffer();
}

function encoded(image: Sharp, name: Measured, settings: Settings): Sharp {
  const { width, height, format, quality } = RECIPES[name];
  if (format === 'avif') return image.avif(settings === 'ours' ? AVIF : { quality: AVIF.quality });
  const { effort, less } = WEBP.find(({ most }) => width * height <= most)!;
  if (format === 'webp') return image.webp(settings === 'ours' ? { quality: quality - less, effort } : { quality });
  // `og` is the only JPEG, and large.
  if (settings === 'naive') return image.jpeg({ quality, mozjpeg: true });
  return image.jpeg({ quality, progressive: true, quantisationTable: 3 });
}
