import { rgbaToThumbHash } from 'thumbhash';
import { dominantColour } from './dominant-colour.ts';
import { editedPicture } from './effects/edited.ts';
import { type PhotoReport, REPORT_SIDE_PX, reportOn } from './photo-report.ts';
import type { DecodeLimits, OriginalSource, ProxySource } from './picture-source.ts';
import type { Pixels } from './pixels.ts';
import type { Edit } from './recipe.ts';
import type { SharpModule } from './sharp.ts';
import { decode, openPixels, openSource } from './stages/decode.ts';

/** What a page needs before the picture arrives. */
export interface PictureDescription {
  /** Upright, in pixels; of an edited original what its edit leaves of it, turned. */
  readonly width: number;
  readonly height: number;
  readonly format: string;
  readonly frames: number;
  /** `#rrggbb`. */
  readonly dominantColor: string;
  /** A blurred placeholder of some 25 bytes, base64: https://evanw.github.io/thumbhash/ */
  readonly thumbhash: string;
  /** Absent from what earlier versions recorded. */
  readonly report?: PhotoReport;
}

/** ThumbHash takes pictures of at most 100 × 100 pixels. */
const THUMB_SIDE_PX = 100;
/** Longer side that a source needs to be described, in pixels. */
export const DESCRIBED_SIDE_PX = 4 * THUMB_SIDE_PX;
const IN_SRGB = { deep: false, hasProfile: false };

/** Decodes the picture once, small, as its edit shows it. `bytes`: of the original's file. Throws `original_unreadable` and `original_too_large`. */
export async function describe(
  sharp: SharpModule,
  source: OriginalSource | ProxySource,
  limits: DecodeLimits,
  bytes: number,
  edit?: Edit,
): Promise<PictureDescription> {
  const inside = (side: number) => ({ width: side, height: side, fit: 'inside', withoutEnlargement: true }) as const;
  const { header } = source;
  const edited = edit && (await editedPicture(sharp, source, edit, REPORT_SIDE_PX, limits));
  const probe =
    edited?.pixels ?? (await decode(openSource(sharp, source, limits).resize(inside(REPORT_SIDE_PX)), header));
  const pixels = await decode(openPixels(sharp, probe).resize(inside(THUMB_SIDE_PX)), IN_SRGB);
  const { width, height } = pixels;
  const onWhite = pixels.channels === 3 ? pixels : await whitened(sharp, pixels);
  const dominant = dominantColour(onWhite);
  const hex = dominant.map((value) => value.toString(16).padStart(2, '0'));
  return {
    ...(edited?.size ?? header.size),
    format: header.format,
    frames: header.frames,
    dominantColor: `#${hex.join('')}`,
    thumbhash: Buffer.from(rgbaToThumbHash(width, height, withAlpha(pixels))).toString('base64'),
    report: reportOn(probe, bytes),
  };
}

async function whitened(sharp: SharpModule, pixels: Pixels): Promise<Pixels> {
  const data = await openPixels(sharp, pixels).flatten({ background: '#ffffff' }).raw().toBuffer();
  return { ...pixels, data, channels: 3 };
}

function withAlpha({ data, width, height, channels }: Pixels): Uint8Array {
  if (channels === 4) return data;
  const rgba = new Uint8Array(width * height * 4).fill(255);
  for (let from = 0, to = 0; to < rgba.length; from += 3, to += 4) rgba.set(data.subarray(from, from + 3), to);
  return rgba;
}
