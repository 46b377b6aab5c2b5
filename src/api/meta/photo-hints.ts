import type { PictureDescription } from '../../render/describe.ts';
import type { PhotoReport } from '../../render/photo-report.ts';

/** The preset with the longest side, in pixels, at pixel ratio 1. */
export interface LargestPreset {
  readonly preset: string;
  readonly sidePx: number;
}

export const PHOTO_HINTS = ['blurred', 'dark', 'bright', 'low_contrast', 'border', 'small', 'drawn'] as const;
export type PhotoHint = (typeof PHOTO_HINTS)[number];

/** A report as the API tells it: with what the presets of this server make of it. */
export interface ToldReport extends PhotoReport {
  readonly hints: readonly PhotoHint[];
  /** How many times the longer side of the picture holds that of the largest preset; below 1 it is not filled. */
  readonly largestPreset: { readonly preset: string; readonly filled: number } | undefined;
}

/** Where a hint begins; how often each is wrong on real photos is in docs/photo-report.md. */
export const HINT_FROM = {
  blurredBelow: 0.45,
  darkBelow: 0.15,
  brightAbove: 0.85,
  lowContrastBelow: 0.25,
  borderAbove: 0.2,
  smallBelow: 0.5,
} as const;

type Told = Omit<PictureDescription, 'report'> & { readonly report?: ToldReport };

/** The same description with its report as it is told. */
export function withHints<T extends PictureDescription>(
  picture: T,
  largest: LargestPreset | undefined,
): Omit<T, 'report'> & Told {
  const { report, ...rest } = picture;
  if (!report) return rest;
  const side = Math.max(picture.width, picture.height);
  const filled = largest && Math.round((100 * side) / largest.sidePx) / 100;
  const largestPreset = largest && filled !== undefined ? { preset: largest.preset, filled } : undefined;
  return { ...rest, report: { ...report, hints: hintsOf(report, filled), largestPreset } };
}

function hintsOf(report: PhotoReport, filled: number | undefined): PhotoHint[] {
  const { sharpness, exposure, contrast, border, drawn } = report;
  const of: Record<PhotoHint, boolean> = {
    // A drawing is as sharp, dark and bright as it is meant to be.
    blurred: !drawn && sharpness < HINT_FROM.blurredBelow,
    dark: !drawn && exposure < HINT_FROM.darkBelow,
    bright: !drawn && exposure > HINT_FROM.brightAbove,
    low_contrast: !drawn && contrast < HINT_FROM.lowContrastBelow,
    border: border > HINT_FROM.borderAbove,
    small: filled !== undefined && filled < HINT_FROM.smallBelow,
    drawn,
  };
  return PHOTO_HINTS.filter((hint) => of[hint]);
}
