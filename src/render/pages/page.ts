import type { Decoders } from '../../decoders/decoders.ts';
import { errors } from '../../errors.ts';
import { examine } from '../formats/examine.ts';
import { assertFramesFit } from '../formats/header.ts';
import type { OriginalLimits, OriginalSource } from '../picture-source.ts';
import type { SharpModule } from '../sharp.ts';

/** Whose pages are the frames of an animation. */
const MOVING = new Set(['gif', 'webp']);

/**
 * Another picture of an original than its first: a frame of an animation, a page of a TIFF, a picture of a HEIC. It is an original of
 * its own, of the size that it has. Throws `original_not_found` for one that there is not, and as `examine` does.
 */
export async function pageOf(
  sharp: SharpModule,
  source: OriginalSource,
  page: number,
  limits: OriginalLimits,
  decoders: Decoders | undefined,
): Promise<OriginalSource> {
  const { header, body, file = body } = source;
  if (MOVING.has(header.format)) {
    const { frames, others } = header;
    if (others) assertFramesFit(header);
    if (page >= frames) throw errors.noSuchPage(page);
    return { ...source, page, header: { ...header, frames: 1, delays: undefined, loop: undefined } };
  }
  const format = decoders?.formatOf(file);
  const alone = decoders && format && decoders.page(format, file, page);
  if (!alone) throw errors.noSuchPage(page);
  return examine(sharp, alone, limits, decoders);
}
