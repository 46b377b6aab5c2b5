import { ColorProfile, MagickFormat, MagickReadSettings } from '@imagemagick/magick-wasm';
import type { JxlPixels } from '../decoder.ts';
import { openMagick } from './magick.ts';

/** A JPEG XL (ISO/IEC 18181) of these pixels. The library's errors, and a trap of WebAssembly, go to the caller as they are. */
export async function writeJxl({ rows, width, height, channels, icc, settings }: JxlPixels): Promise<Uint8Array> {
  const magick = await openMagick('write');
  const format = channels === 4 ? MagickFormat.Rgba : MagickFormat.Rgb;
  return magick.read(rows, new MagickReadSettings({ format, width, height, depth: 8 }), (image) => {
    // ImageMagick's 100 is a distance of none.
    image.quality = settings.lossless ? 100 : settings.quality;
    image.settings.setDefine(MagickFormat.Jxl, 'effort', String(settings.effort));
    if (icc) image.setProfile(new ColorProfile(icc));
    // Copied out of a heap that is left behind.
    return image.write(MagickFormat.Jxl, (file) => Uint8Array.from(file));
  });
}
