import { ColorSpace, type IMagickImage, type MagickFormat, MagickReadSettings } from '@imagemagick/magick-wasm';
import {
  type CodedColours,
  type Decode,
  type DecodedHead,
  DecodeError,
  type FileHeader,
  type OpenRows,
  type Wanted,
} from '../decoder.ts';
import { inkToRgb } from '../ink.ts';
import { labToSrgb } from '../planes/lab.ts';
import { shrinkInto, shrinkTo } from '../shrink.ts';
import { openMagick } from './magick.ts';

/** What the header says, whether the values are linear light, and by which code points they are colours, whatever profile comes with them. */
type Header = FileHeader & { readonly linear?: boolean; readonly nclx?: CodedColours };

/** What is done here instead of by ImageMagick. */
interface Look {
  readonly orientation: number;
  /** Whether the values are those of a negative. */
  readonly negative: boolean;
  /** The values are CIELab, which ImageMagick took for RGB. */
  readonly lab: boolean;
  /** They are cyan, magenta, yellow and black, which ImageMagick took for RGB with alpha. */
  readonly inks: boolean;
}

/**
 * The decoder of one of ImageMagick's formats: its first page or frame. `formatOf`: by the file, never guessed. `takeLook`: takes
 * out of the file what is not left to ImageMagick.
 */
export function magickDecoder(
  formatOf: (file: Uint8Array) => MagickFormat,
  readHeader: (file: Buffer) => Header,
  takeLook?: (file: Uint8Array) => Look,
): Decode {
  return async (file, wanted, open) => {
    const header = readHeader(Buffer.from(file.buffer, file.byteOffset, file.byteLength));
    const magick = await openMagick('read');
    const settings = new MagickReadSettings({ format: formatOf(file), frameIndex: 0, frameCount: 1 });
    try {
      const look = takeLook?.(file);
      magick.read(file, settings, (image) => {
        const seen = look ?? { orientation: orientationOf(image), negative: false, lab: false, inks: false };
        checkSize(image, header, seen.orientation);
        writeRows(image, { ...header, ...seen }, wanted, open);
      });
    } catch (error) {
      throw error instanceof Error ? asDecodeError(error) : error;
    }
  };
}

/** Of ImageMagick's severities (https://imagemagick.org/script/exception.php): a resource limit. */
const RESOURCE_LIMITS = [300, 400, 700];
const NOT_DECODED = /not configured|not support|notsupported|can not handle|unsupportedbits/i;

/** An error without a severity is a trap of WebAssembly, or of this code. */
function asDecodeError(error: Error): Error {
  if (error instanceof DecodeError || !('severity' in error)) return error;
  if (NOT_DECODED.test(error.message)) return new DecodeError('unsupported', error.message);
  return new DecodeError(RESOURCE_LIMITS.includes(Number(error.severity)) ? 'too_large' : 'broken', error.message);
}

/** Of a picture whose parts have sizes of their own, ImageMagick reads one part. */
function checkSize(image: IMagickImage, header: FileHeader, orientation: number): void {
  const turned = orientation >= 5;
  const [width, height] = turned ? [image.height, image.width] : [image.width, image.height];
  if (width !== header.width || height !== header.height)
    throw new DecodeError('unsupported', `${width} × ${height} pixels of ${header.width} × ${header.height}`);
}

/** What the values of one pixel are. */
type Kind = 'grey' | 'rgb' | 'rgba' | 'ink';
const MAPPING = { grey: 'R', rgb: 'RGB', rgba: 'RGBA', ink: 'CMYK' } as const;
/** Of which bands are made: a multiple of all factors. */
const BAND_ROWS = 64;

function writeRows(image: IMagickImage, header: Header & Look, wanted: Wanted, open: OpenRows): void {
  const { linear = false, nclx, orientation, negative, lab, inks } = header;
  const { width, height } = image;
  if (width * height > wanted.maxPixels) throw new DecodeError('too_large', `${width} × ${height} pixels are too many`);
  const icc = linear || lab || nclx ? undefined : image.getColorProfile()?.data;
  const kind = inks ? 'ink' : kindOf(image, linear || nclx !== undefined || icc !== undefined);
  const { k, size } = shrinkTo({ width, height }, wanted.side);
  const shape = shapeOf(kind, icc);
  const { channels } = shape;
  const target = { rows: open({ ...size, ...shape, orientation, nclx }), k, size, ...shape };
  image.getPixels((pixels) => {
    for (let top = 0; top < height; top += BAND_ROWS) {
      const tall = Math.min(BAND_ROWS, height - top);
      const read = pixels.toByteArray(0, top, width, tall, MAPPING[inks ? 'rgba' : kind]);
      if (!read) throw new DecodeError('broken', 'the rows cannot be read');
      const band = kind === 'ink' && !shape.ink ? withoutInks(read) : Uint8Array.from(read);
      if (negative) invert(band, channels);
      if (linear) encodeLight(band, channels);
      if (lab) labToSrgb(band, channels);
      shrinkInto(target, { pixels: band, stride: width * channels, width, height: tall, left: 0, top });
    }
  });
}

/** Values without a profile that are neither sRGB nor grey become sRGB. */
function kindOf(image: IMagickImage, hasProfile: boolean): Kind {
  if (image.colorSpace === ColorSpace.CMYK) {
    if (!image.hasAlpha) return 'ink';
    image.colorSpace = ColorSpace.sRGB;
  }
  const grey = image.colorSpace === ColorSpace.Gray || image.colorSpace === ColorSpace.LinearGray;
  const linear = image.colorSpace === ColorSpace.RGB || image.colorSpace === ColorSpace.LinearGray;
  if (!hasProfile && linear) image.colorSpace = grey ? ColorSpace.Gray : ColorSpace.sRGB;
  else if (!grey && !linear && image.colorSpace !== ColorSpace.sRGB) image.colorSpace = ColorSpace.sRGB;
  if (image.hasAlpha) return 'rgba';
  return grey ? 'grey' : 'rgb';
}

function shapeOf(kind: Kind, profile: Uint8Array | undefined): Pick<DecodedHead, 'channels' | 'icc' | 'ink'> {
  // Copied out of a heap that is left behind.
  const icc = profile && Uint8Array.from(profile);
  if (kind === 'ink') return icc ? { channels: 4, ink: true, icc } : { channels: 3 };
  return { channels: kind === 'grey' ? 1 : kind === 'rgb' ? 3 : 4, icc };
}

function withoutInks(inks: ArrayLike<number>): Uint8Array {
  const colours = new Uint8Array((inks.length / 4) * 3);
  const light = new Uint8Array(4);
  for (let at = 0, to = 0; at < inks.length; at += 4, to += 3) {
    for (let n = 0; n < 4; n += 1) light[n] = 255 - inks[at + n]!;
    inkToRgb(light, colours, to);
  }
  return colours;
}

/** Files that tell none, or one that there is not, are upright. */
function orientationOf({ orientation }: IMagickImage): number {
  return orientation >= 1 && orientation <= 8 ? orientation : 1;
}

/** sRGB's curve (IEC 61966-2-1), for values of 8 bits. */
const ENCODED = Uint8Array.from({ length: 256 }, (_, value) => {
  const light = value / 255;
  return Math.round(255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055));
});

/** All but alpha. */
function invert(band: Uint8Array, channels: number): void {
  for (let at = 0; at < band.length; at += 1) if (channels !== 4 || at % 4 !== 3) band[at] = 255 - band[at]!;
}

function encodeLight(band: Uint8Array, channels: number): void {
  for (let at = 0; at < band.length; at += 1) if (channels !== 4 || at % 4 !== 3) band[at] = ENCODED[band[at]!]!;
}
