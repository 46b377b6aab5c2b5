import type { OwnSize } from '../formats/drawn/encode-by-look.ts';
import type { Format } from '../formats/encoding/encoders.ts';
import { stripMetadata } from '../formats/strip-metadata.ts';
import type { OriginalSource, PictureHeader, PictureSource } from '../picture-source.ts';
import { sameSize } from '../pixels.ts';
import { maySendOwnBytes, type Recipe } from '../recipe.ts';
import type { Decoder } from './decode.ts';
import type { FramePlan } from './geometry.ts';

/**
 * The original's own compressed pixels, without metadata, where the rendition shows just them: encoding them again would only
 * lose. Never of AVIF, which keeps metadata in too many places.
 */
function compressedPixels(
  { body, header }: OriginalSource,
  { plan, moves, plain }: Decoder,
  { copyright }: Recipe,
): Buffer | undefined {
  const allFrames = moves || header.frames === 1;
  if (copyright || !header.plain || !plain || !allFrames || !showsOriginal(header, plan)) return undefined;
  // A profile in front of plain pixels stands for chunks of the original.
  return stripMetadata(body, header.format, { frames: header.frames, keepColours: header.hasProfile });
}

/** Whether a rendition shows the original whole, at its own size. */
function showsOriginal({ size }: PictureHeader, { scaled, window, canvas }: FramePlan): boolean {
  return [scaled, window, canvas].every((each) => sameSize(each, size));
}

/** Else the bytes are of pixels that another decoder made, or that were mended. */
const isOwnFile = ({ coding }: PictureHeader) => coding !== 'pixels' && !coding.endsWith(', mended');

const NOTHING_OWN: OwnSize = { fileBytes: undefined, unscaled: false, whole: false, reuse: () => undefined };

/** Whether the recipe says of its file what the original's need not be. */
function saysMore({ encoding, motion }: Recipe): boolean {
  if (!encoding || motion) return motion !== undefined;
  const { ssim: _, maxBytes: __, ...rest } = encoding;
  return Object.keys(rest).length > 0;
}

/** What the original has for this rendition. */
export function ownSize(source: PictureSource, decoder: Decoder, recipe: Recipe): OwnSize {
  const { plan, shown, plain } = decoder;
  if (source.kind !== 'original' || !maySendOwnBytes(recipe)) return NOTHING_OWN;
  // Its transparent parts would show no background.
  if (recipe.background !== undefined && source.header.hasAlpha) return NOTHING_OWN;
  let stripped: { readonly body: Buffer | undefined } | undefined;
  const reuse = (format: Format) => {
    // Stripping copies the file.
    if (format !== source.header.format || saysMore(recipe)) return undefined;
    stripped ??= { body: compressedPixels(source, decoder, recipe) };
    const { body } = stripped;
    return body && { body, format, contentType: `image/${format}` };
  };
  return {
    reuse,
    fileBytes: isOwnFile(source.header) ? source.body.length : undefined,
    unscaled: sameSize(plan.scaled, shown),
    whole: plain && showsOriginal(source.header, plan),
  };
}
