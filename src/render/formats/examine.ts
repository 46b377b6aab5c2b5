import type { Decoders } from '../../decoders/decoders.ts';
import type { DecodedFormat } from '../../decoders/formats.ts';
import { DarkroomError, errors, READ_FORMATS } from '../../errors.ts';
import type { OriginalHeader, OriginalLimits, OriginalSource } from '../picture-source.ts';
import type { SharpModule } from '../sharp.ts';
import type { Frames } from './animation/frames.ts';
import { gifFrames, withTransparentFrame } from './animation/gif-frames.ts';
import { webpFrames } from './animation/webp-frames.ts';
import { withAvifBrand } from './avif-brands.ts';
import { firstOfSequence } from './avif-sequence.ts';
import { cicpColours } from './colour/cicp-profile.ts';
import { withPngProfile } from './colour/png-chunks.ts';
import { withJpegProfile, withPrintProfile } from './colour/print-profile.ts';
import type { Told } from './colour/told.ts';
import { toldColours } from './colour/told-colours.ts';
import { headerOfDecoded, readHeader } from './header.ts';
import { mendJpeg } from './jpeg/structure.ts';

/**
 * Reads the header of an original, and gives its file the form in which libvips reads all that is in it. Nothing is decoded.
 * Throws `original_unreadable` and `original_too_large`.
 */
export async function examine(
  sharp: SharpModule,
  file: Buffer,
  limits: OriginalLimits,
  decoders: Decoders | undefined,
): Promise<OriginalSource> {
  const format = decoders?.formatOf(file);
  if (decoders && format) return decodedElsewhere(sharp, file, limits, { decoders, format });
  const refused = decoders?.refusedName(file);
  if (refused)
    throw errors.originalUnreadable(
      `${refused} originals are not read here; upload ${READ_FORMATS}.`,
      new Error(`unsupported feature: ${refused}`),
    );
  const told = toldColours(withAvifBrand(mendJpeg(file)));
  const { body } = told;
  const frames = gifFrames(body, limits.maxFrames) ?? webpFrames(body, limits.maxFrames);
  if (!frames) return stillOf(sharp, told, limits);
  if (frames.count > limits.maxFrames) return firstOf(sharp, frames, limits, 'too many');
  // libvips would show what there is of that frame.
  if (frames.broken) return firstOf(sharp, frames, limits, 'broken');
  try {
    const header = await readHeader(sharp, body, limits);
    // Frames of an animation are decoded as they are.
    if (header.hdr && header.frames === 1) return still(sharp, told, limits);
    if (!frames.uncovered || header.hasAlpha) return { kind: 'original', body, header };
    return { kind: 'original', body: withTransparentFrame(body), header: { ...header, hasAlpha: true } };
  } catch (error) {
    // What a frame's size is refused for holds for the first frame too.
    if (!(error instanceof DarkroomError) || error.code !== 'original_unreadable') throw error;
    return firstOf(sharp, frames, limits, 'broken');
  }
}

/** What libvips reads, or the first frame of an AVIF that has no still picture which it reads. */
async function stillOf(sharp: SharpModule, told: Told, limits: OriginalLimits): Promise<OriginalSource> {
  try {
    return await still(sharp, told, limits);
  } catch (error) {
    const unread = error instanceof DarkroomError && error.code === 'original_unreadable';
    const first = unread ? firstOfSequence(told.body) : undefined;
    if (!first) throw error;
    return still(sharp, toldColours(first), limits);
  }
}

/** How a file gets another profile, by its format; of the others another file is made. */
const REPROFILED: Readonly<Record<string, (file: Buffer, profile: Buffer) => Buffer>> = {
  jpeg: withJpegProfile,
  png: withPngProfile,
};

async function still(sharp: SharpModule, told: Told, limits: OriginalLimits): Promise<OriginalSource> {
  const { body, ownPixels } = told;
  const header = await readHeader(sharp, body, limits);
  const hdr = header.hdr && cicpColours(header.hdr);
  const narrow = hdr ? !hdr.wide : told.narrow;
  const reprofiled = hdr && REPROFILED[header.format]?.(body, hdr.profile);
  if (reprofiled && !told.mend) return still(sharp, { body: reprofiled, narrow }, limits);
  const mend = hdr ? { ...told.mend, profile: hdr.profile } : told.mend;
  if (header.bareInks)
    return { kind: 'original', body: withPrintProfile(body), header: { ...header, hasProfile: true, narrow: true } };
  const coding = mend ? `${header.format}, mended` : header.coding;
  const hasProfile = header.hasProfile || mend?.profile !== undefined;
  const plain = header.plain || (ownPixels === true && !header.turned);
  return { kind: 'original', body, header: { ...header, coding, hasProfile, plain, narrow, mend } };
}

async function decodedElsewhere(
  sharp: SharpModule,
  file: Buffer,
  limits: OriginalLimits,
  { decoders, format }: { readonly decoders: Decoders; readonly format: DecodedFormat },
): Promise<OriginalSource> {
  const body = decoders.embedded(format, file);
  if (body) {
    const header = await readHeader(sharp, body, limits);
    return { kind: 'original', body, header: { ...header, format: format.name } };
  }
  const said = decoders.readHeader(format, file);
  const header = said ? headerOfDecoded(said, format.name, limits) : await readHeader(sharp, file, limits, format);
  return { kind: 'original', body: file, header };
}

/** The first frame of an animation whose others cannot be shown; alone it is a still picture. */
async function firstOf(
  sharp: SharpModule,
  frames: Frames,
  limits: OriginalLimits,
  others: NonNullable<OriginalHeader['others']>,
): Promise<OriginalSource> {
  const first = frames.first();
  const header = await readHeader(sharp, first, limits);
  const hasAlpha = header.hasAlpha || frames.uncovered;
  const body = frames.uncovered ? withTransparentFrame(first) : first;
  const rest = frames.count > 1 ? { frames: frames.count, others } : {};
  return { kind: 'original', body, header: { ...header, hasAlpha, ...rest } };
}
