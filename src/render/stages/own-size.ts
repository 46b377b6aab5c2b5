import type { OwnSize } from '../formats/drawn/encode-by-look.ts';
import type { Encoded } from '../formats/encode.ts';
import { stripMetadata } from '../formats/strip-metadata.ts';
import type { PictureHeader, PictureSource } from '../picture-source.ts';
import { sameSize } from '../pixels.ts';
import type { Recipe } from '../recipe.ts';
import type { Decoder } from './decode.ts';
import type { FramePlan } from './geometry.ts';

/**
 * The original's own compressed pixels, without metadata, where the rendition shows just them: encoding them again would only
 * lose. Never of AVIF, which keeps metadata in too many places.
 */
function compressedPixels(source: PictureSource, { plan, moves }: Decoder, { copyright }: Recipe): Encoded | undefined {
  if (source.kind !== 'original' || copyright) return undefined;
  const { body, header } = source;
  const allFrames = moves || header.frames === 1;
  if (!header.plain || !allFrames || !showsOriginal(header, plan)) return undefined;
  // A profile in front of plain pixels stands for chunks of the original.
  const stripped = stripMetadata(body, header.format, { frames: header.frames, keepColours: header.hasProfile });
  const format = reusableFormat(header.format);
  return stripped && format && { body: stripped, format, contentType: `image/${format}` };
}

const REUSABLE = ['jpeg', 'png', 'webp', 'gif'] as const;
const reusableFormat = (format: string) => REUSABLE.find((each) => each === format);

/** Whether a rendition shows the original whole, at its own size. */
function showsOriginal({ size }: PictureHeader, { scaled, window, canvas }: FramePlan): boolean {
  return [scaled, window, canvas].every((each) => sameSize(each, size));
}

/** Else the bytes are of pixels that another decoder made, or that were mended. */
const isOwnFile = ({ coding }: PictureHeader) => coding !== 'pixels' && !coding.endsWith(', mended');

const NOTHING_OWN: OwnSize = { fileBytes: undefined, unscaled: false, whole: false, reuse: () => undefined };

/** What the original has for this rendition. */
export function ownSize(source: PictureSource, decoder: Decoder, recipe: Recipe): OwnSize {
  const { plan, region } = decoder;
  if (source.kind !== 'original') return NOTHING_OWN;
  return {
    fileBytes: isOwnFile(source.header) ? source.body.length : undefined,
    unscaled: sameSize(plan.scaled, region),
    whole: showsOriginal(source.header, plan),
    reuse: () => compressedPixels(source, decoder, recipe),
  };
}
