import type { Sharp } from 'sharp';
import type { PictureHeader } from '../picture-source.ts';
import type { Alpha, Pixels, Size } from '../pixels.ts';
import { DEFAULT_BACKGROUND, type Recipe } from '../recipe.ts';
import type { SharpModule } from '../sharp.ts';
import { type Conversion, toSrgb } from '../stages/colour.ts';
import type { Decoder } from '../stages/decode.ts';
import type { AlphaStreams } from './alpha-stream.ts';
import { backgroundIn, isWide, openTagged, toDisplayP3 } from './colour/display-p3.ts';
import { keepCopyright } from './copyright.ts';
import { palettePng, withWholeAlphas } from './drawn/palette-png.ts';
import type { Coding } from './encoding/coder.ts';
import { withDensity } from './encoding/density.ts';
import { avifQuality, ENCODERS, type Encoded, type Extent, extentOf, type Format } from './encoding/encoders.ts';
import { curveOf } from './encoding/likeness.ts';
import { search, searches } from './encoding/search.ts';
import { searchedFile, searchedPixels } from './encoding/searched.ts';
import { withAlpha } from './encoding/webp-file.ts';
import { refuse } from './header.ts';
import { goesToSvtAv1, measuredBySvtAv1, type Planes, type SvtAv1Tuning } from './svt-av1.ts';

export type { Encoded } from './encoding/encoders.ts';

interface SvtAv1Settings {
  readonly tuning: SvtAv1Tuning;
  readonly effort: number;
}
const SVT_AV1: Readonly<Record<Extent, SvtAv1Settings>> = {
  small: { tuning: 'ssim', effort: 1 },
  middling: { tuning: 'ssim', effort: 0 },
  large: { tuning: 'ms-ssim', effort: 0 },
};

const backgroundOf = (header: PictureHeader, recipe: Recipe) => backgroundIn(header, recipe) ?? DEFAULT_BACKGROUND;

/**
 * Encodes upright sRGB pixels without a profile: browsers take untagged pictures as sRGB, and a profile costs 480 bytes. `coder`: of
 * photos, what the engine does of it, and where alpha is kept for others.
 */
export async function encode(
  sharp: SharpModule,
  pixels: Pixels,
  header: PictureHeader,
  recipe: Recipe,
  coder?: Coding,
): Promise<Encoded> {
  const { width, height, frames } = pixels;
  const transparent = hasTransparency(pixels);
  const format = chooseFormat(recipe, transparent, frames);
  const alphas = transparent && isCutOnly(pixels, format, recipe) ? coder?.alphas : undefined;
  const drawn = { format, transparent: transparent && !alphas, pixels: width * height * frames, alphas };
  const once = async (tried: Recipe) => {
    const written = await coder?.write?.(pixels, format, tried);
    return written ? finished(written, format, tried) : encodeOnce(sharp, pixels, drawn, header, tried);
  };
  if (!searches(recipe)) return once(recipe);
  const curve = curveOf(format, !drawn.transparent && goesToSvtAv1(pixels, recipe));
  return search(
    recipe,
    searchedPixels(sharp, pixels, {
      ...{ recipe, format, curve, background: backgroundOf(header, recipe), once },
      luma: format === 'webp' && frames === 1 && !transparent ? coder?.luma : undefined,
      jpegSsim: coder?.jpegSsim,
    }),
  );
}

/** Whose pixels are encoded: all of a picture, or a part of it as all of it would be. */
interface Whole {
  readonly format: Format;
  readonly transparent: boolean;
  readonly pixels: number;
  /** Where the alpha of its shape is found; all beside that is opaque then. */
  readonly alphas?: AlphaStreams | undefined;
}

/**
 * Whether the alpha of pixels is a shape's, and stands beside an opaque picture as well: of a small WebP, what libwebp puts under
 * transparent parts saves up to a tenth of the bytes.
 */
function isCutOnly(pixels: Pixels, format: Format, recipe: Recipe): boolean {
  if (!pixels.cut || pixels.wide || recipe.lossless || recipe.copyright) return false;
  const large = extentOf(pixels.width * pixels.height) === 'large';
  return (format === 'webp' && large) || (format === 'avif' && goesToSvtAv1(pixels, recipe));
}

async function encodeOnce(
  sharp: SharpModule,
  pixels: Pixels,
  whole: Whole,
  header: PictureHeader,
  recipe: Recipe,
): Promise<Encoded> {
  const { channels, cut } = pixels;
  const { format, transparent, alphas } = whole;
  const alpha =
    cut && (format === 'webp' || format === 'avif') ? await alphas?.of(sharp, format, cut, pixels) : undefined;
  if (!transparent && goesToSvtAv1(pixels, recipe)) return opaqueAvif(pixels, whole.pixels, recipe, alpha);
  const { palette, progressive } = recipe.encoding ?? {};
  const exact =
    palette !== undefined && !pixels.wide && format === 'png' && !recipe.copyright && !progressive
      ? await palettePng(pixels, palette)
      : undefined;
  if (exact) return finished(exact, format, recipe);
  const image = await openTagged(sharp, pixels);
  if (channels === 4 && !transparent) image.removeAlpha();
  const encoded = await finish(image, whole, header, recipe);
  if (alpha) return { ...encoded, body: withAlpha(encoded.body, alpha, pixels) };
  const fewColours = palette !== undefined && format === 'png' && transparent;
  return fewColours ? { ...encoded, body: withWholeAlphas(encoded.body, pixels.data, channels) } : encoded;
}

/** The file of a picture that the engine made, and of the alpha of what was cut out of it. */
export async function ofEngine(
  sharp: SharpModule,
  {
    made,
    alpha,
  }: { readonly made: Pick<Encoded, 'body' | 'contentType'> | Planes; readonly alpha?: Alpha | undefined },
  size: Size,
  recipe: Recipe,
  streams: AlphaStreams,
): Promise<Pick<Encoded, 'body' | 'contentType'>> {
  if ('planes' in made) {
    const stream = alpha && (await streams.of(sharp, 'avif', alpha, size));
    return opaqueAvif(made, size.width * size.height, recipe, stream);
  }
  if (!alpha) return made;
  return { ...made, body: withAlpha(made.body, await streams.of(sharp, 'webp', alpha, size), size) };
}

/** `all`: pixels of the whole, where these are a part. */
async function opaqueAvif(
  pixels: Pixels | Planes,
  all: number,
  { quality, effort, encoding }: Recipe,
  alpha: Buffer | undefined,
): Promise<Encoded> {
  const own = SVT_AV1[extentOf(all)];
  const measures = encoding?.ssim !== undefined;
  const scaled = avifQuality(quality, own.tuning);
  const { body, ssim } = await measuredBySvtAv1(pixels, own.tuning, scaled, effort ?? own.effort, measures, alpha);
  return { body, ssim, format: 'avif', contentType: 'image/avif' };
}

/**
 * Encodes opaque pictures straight from the decoder: in sRGB, or in Display P3 without a step through sRGB. `opened`: how
 * what the decoder opens is to be converted.
 */
export async function encodeStraight(
  sharp: SharpModule,
  { open, late, plan: { canvas } }: Decoder,
  opened: Conversion,
  header: PictureHeader,
  recipe: Recipe,
): Promise<Encoded> {
  const wide = isWide(header, recipe);
  const image = wide ? toDisplayP3(open()) : toSrgb(open(), { ...opened, late });
  const ground = wide && header.hasAlpha ? backgroundIn(header, recipe) : undefined;
  if (ground !== undefined) image.flatten({ background: ground });
  // The pixels of a wide picture are never seen here, so its alpha channel counts as transparency.
  const transparent = wide && header.hasAlpha && ground === undefined;
  const format = chooseFormat(recipe, transparent, 1);
  const pixels = canvas.width * canvas.height;
  const whole = { format, transparent, pixels };
  const encoded = async (opened: Sharp, reopen: () => Sharp, tried: Recipe) => {
    const made = await finish(opened, whole, header, tried);
    if (!transparent || format !== 'png' || tried.encoding?.palette === undefined) return made;
    const alphas = await reopen().extractChannel('alpha').raw().toBuffer();
    return { ...made, body: withWholeAlphas(made.body, alphas, 1) };
  };
  if (!searches(recipe)) return encoded(image, () => toDisplayP3(open()), recipe).catch(refuse);
  // 16 bits a channel with their profile, so that each try begins as a single encode would.
  const held = await image.tiff({ compression: 'none' }).toBuffer().catch(refuse);
  const reopened = () => toDisplayP3(sharp(held));
  const once = (tried: Recipe) => encoded(reopened(), reopened, tried);
  const subject = { recipe, format, curve: curveOf(format, false), background: backgroundOf(header, recipe), once };
  return search(recipe, searchedFile(sharp, held, subject));
}

async function finish(
  image: Sharp,
  { format, transparent, pixels }: Whole,
  header: PictureHeader,
  recipe: Recipe,
): Promise<Encoded> {
  const { keepsAlpha, encode: apply } = ENCODERS[format];
  if (transparent && !keepsAlpha) image.flatten({ background: backgroundOf(header, recipe) });
  if (recipe.copyright) keepCopyright(image, header.exif);
  const { quality, effort, lossless = false, encoding = {} } = recipe;
  const settings = {
    ...{ quality, effort, lossless, encoding },
    ...{ extent: extentOf(pixels), pixels },
    delays: header.delays?.slice(),
    loop: header.loop,
    blank: recipe.effects?.shape !== undefined && !header.hasAlpha,
  };
  return finished(await apply(image, settings).toBuffer(), format, recipe);
}

/** What an encoder made, with what the recipe wants written beside the pixels. */
export function finished(body: Buffer, format: Format, { encoding }: Recipe): Encoded {
  const dpi = encoding?.dpi;
  return { body: dpi ? withDensity(body, format, dpi) : body, format, contentType: `image/${format}` };
}

function chooseFormat({ output, lossless }: Recipe, transparent: boolean, frames: number): Format {
  if (output === 'jxl') throw new Error('JPEG XL is encoded by encoding/jxl.ts');
  // Nothing is encoded of an original's own file.
  if (output !== 'base' && output !== 'original') return output;
  if (frames > 1) return 'gif';
  return transparent || lossless ? 'png' : 'jpeg';
}

/** Many opaque pictures carry an alpha channel all the same; as PNG they would have ten times the bytes of a JPEG. */
export function hasTransparency({ data, channels }: Pixels): boolean {
  if (channels !== 4) return false;
  for (let at = 3; at < data.length; at += 4) if (data[at] !== 255) return true;
  return false;
}
