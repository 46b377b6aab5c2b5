import type { Sharp } from 'sharp';
import type { DecodeLimits, Mend, OriginalSource, PictureSource } from '../../picture-source.ts';
import { freeNow } from '../../pixels.ts';
import type { SharpModule } from '../../sharp.ts';
import { refuse } from '../header.ts';
import { withPngProfile } from './png-chunks.ts';

/** From 16 to 235 of 255 to 0 to 255; the same for deep pictures, scaled. */
const STRETCH = { factor: 255 / 219, offset: (-16 * 255) / 219 };
const DEEP = 65_535 / 255;

/**
 * The same original as an uncompressed PNG, upright, with straight alpha and full range: for what neither its file nor a profile in
 * it can tell libvips. Nearly all originals are handed back as they are. Throws as decoding does.
 */
export async function mended<S extends PictureSource>(
  sharp: SharpModule,
  source: S,
  limits: DecodeLimits,
): Promise<S | OriginalSource> {
  return source.kind === 'original' && source.header.mend ? mend(sharp, source, source.header.mend, limits) : source;
}

async function mend(
  sharp: SharpModule,
  source: OriginalSource,
  what: Mend,
  limits: DecodeLimits,
): Promise<OriginalSource> {
  const { body, header } = source;
  const { deep, hasAlpha } = header;
  const open = () =>
    sharp(body, { autoOrient: true, ignoreIcc: true, pages: 1, failOn: 'error', limitInputPixels: limits.maxPixels })
      .timeout({ seconds: limits.timeoutSeconds })
      .toColourspace(deep ? 'rgb16' : 'srgb');
  const stretched = (image: Sharp) => {
    const channels = [what.limited, what.limited, what.limited, ...(hasAlpha ? [what.limitedAlpha] : [])];
    if (!channels.some(Boolean)) return image;
    // libvips cuts off what is behind the point.
    const offset = STRETCH.offset * (deep ? DEEP : 1) + 0.5;
    return image.linear(
      channels.map((limited) => (limited ? STRETCH.factor : 1)),
      channels.map((limited) => (limited ? offset : 0)),
    );
  };
  const [{ icc }, image] = [await sharp(body).metadata(), stretched(open())];
  const png = await (what.premultiplied ? unmultiplied(sharp, image, deep) : uncompressed(image)).catch(refuse);
  const profile = what.profile ?? icc;
  const tagged = profile ? withPngProfile(png, profile) : png;
  if (tagged !== png) freeNow(png);
  return {
    ...source,
    body: tagged,
    header: { ...header, turned: false, mend: undefined },
  };
}

const uncompressed = (image: Sharp) => image.png({ compressionLevel: 0 }).toBuffer();

/** sharp divides by alpha only what is told to be multiplied, which is pixels. */
async function unmultiplied(sharp: SharpModule, image: Sharp, deep: boolean): Promise<Buffer> {
  const { data, info } = await image.raw({ depth: deep ? 'ushort' : 'uchar' }).toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const samples = deep ? new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2) : data;
  const multiplied = sharp(samples, { raw: { width, height, channels, premultiplied: true } });
  const png = await uncompressed(multiplied.toColourspace(deep ? 'rgb16' : 'srgb'));
  freeNow(data);
  return png;
}
