import type { Sharp } from 'sharp';
import { assertFramesFit, refuse } from '../formats/header.ts';
import type { DecodeLimits, PictureHeader, PictureSource } from '../picture-source.ts';
import type { Box, Pixels } from '../pixels.ts';
import { keepsFrames, type Recipe } from '../recipe.ts';
import type { SharpModule } from '../sharp.ts';
import { type Conversion, toSrgb } from './colour.ts';
import { cutsAway, type FramePlan, isCentred, planFrame } from './geometry.ts';
import { PROBE_SIZE_PX, uniformBorder } from './trim.ts';

/** A decoder for one source and one recipe. */
export interface Decoder {
  /** Decoded, upright, scaled, cropped and framed; still to be converted and encoded. */
  open(): Sharp;
  /** The upright picture (its first frame), neither trimmed, scaled nor cropped. */
  load(): Sharp;
  readonly plan: FramePlan;
  /** The part of the upright original that `plan` is about: all of it, or what its border surrounds. */
  readonly region: Box;
  readonly trimmed: boolean;
  /** All frames are kept. */
  readonly moves: boolean;
  /** The same decoder with another plan, whose window is used as it is. */
  withPlan(plan: FramePlan): Decoder;
  /** The same decoder, reading pixels that show all of the upright picture at some smaller size. */
  from(pixels: Pixels): Decoder;
}

/** Which part of a picture a crop keeps: the plan's window, or the part that attracts attention by libvips' measure. */
type CropPosition = 'window' | 'attention';

/** Reads what the frame depends on and plans it. libvips shrinks while loading where the format can. */
export async function prepareDecoder(
  sharp: SharpModule,
  source: PictureSource,
  recipe: Recipe,
  limits: DecodeLimits,
): Promise<Decoder> {
  const { header } = source;
  const moves = keepsFrames(recipe) && header.frames > 1;
  if (moves) assertFramesFit(header);
  const read = (animated: boolean) => openSource(sharp, source, limits, animated);
  const load = () => read(false);
  const inner = moves ? undefined : await trimmedRegion(load, header, recipe);
  const region = inner ?? { left: 0, top: 0, ...header.size };
  // Extracting before scaling keeps libvips from shrinking on load, so only where there is a border.
  const content = () => (inner ? load().extract(inner) : read(moves));
  const decoder = (input: () => Sharp, plan: FramePlan, position: CropPosition): Decoder => ({
    ...{ plan, region, load, moves, trimmed: inner !== undefined },
    open: () => framed(sharp, input(), plan, position, header, recipe),
    withPlan: (other) => decoder(input, other, 'window'),
    from: (pixels) => decoder(() => openPixels(sharp, pixels), plan, position),
  });
  // libvips looks for attention in one picture, not in an animation.
  const position = recipe.gravity === 'center' || moves ? 'window' : 'attention';
  return decoder(content, planFrame(region, recipe, moves ? header.frames : 1), position);
}

/** Opens pixels of one frame. */
export function openPixels(sharp: SharpModule, { data, width, height, channels }: Pixels): Sharp {
  return sharp(data, { raw: { width, height, channels } });
}

/** Opens a source: upright, within limits, all frames or the first. */
export function openSource(sharp: SharpModule, source: PictureSource, limits: DecodeLimits, animated = false): Sharp {
  if (source.kind === 'pixels') return openPixels(sharp, source.pixels);
  return sharp(source.body, {
    autoOrient: true,
    // Not `animated`: a frame may stand behind those of the animation, see `withTransparentFrame`.
    pages: animated ? source.header.frames : 1,
    ...(source.kind === 'original' && source.page ? { page: source.page } : {}),
    // 'warning' would refuse many real photos; 'error' still refuses truncated ones.
    failOn: 'error',
    limitInputPixels: limits.maxPixels,
  }).timeout({ seconds: limits.timeoutSeconds });
}

/** Converts to sRGB and collects the pixels. `header`: of the picture as `image` opened it. */
export async function decode(image: Sharp, header: Conversion): Promise<Pixels> {
  const { data, info } = await toSrgb(image, header)
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
    .catch(refuse);
  const { width, height, channels, pageHeight = height } = info;
  if (channels !== 3 && channels !== 4) throw new Error(`sRGB pixels of ${channels} channels`);
  return { data, width, height: pageHeight, channels, frames: Math.round(height / pageHeight) };
}

function framed(
  sharp: SharpModule,
  image: Sharp,
  plan: FramePlan,
  position: CropPosition,
  header: PictureHeader,
  recipe: Recipe,
): Sharp {
  const { scaled, window, canvas, at } = plan;
  const cuts = cutsAway(plan);
  const centred = cuts && isCentred(plan);
  if (cuts && (position === 'attention' || centred)) {
    // For a centred window too: scaling and then cutting costs a third more (bench/once.ts).
    const strategy = position === 'attention' ? sharp.strategy.attention : 'centre';
    image.resize({ width: window.width, height: window.height, fit: 'cover', position: strategy });
  } else {
    image.resize({ ...scaled, fit: 'fill' });
    if (cuts) image.extract(window);
  }
  if (canvas.width === window.width && canvas.height === window.height) return image;
  // The recipe's background goes behind the transparent parts as well as around the picture.
  if (recipe.background !== undefined) image.flatten({ background: recipe.background });
  return image.extend({
    left: at.left,
    top: at.top,
    right: canvas.width - window.width - at.left,
    bottom: canvas.height - window.height - at.top,
    background: recipe.background ?? defaultBackground(header, recipe),
  });
}

/** The frame around a cut-out is transparent too. */
function defaultBackground({ hasAlpha }: PictureHeader, { output }: Recipe): string {
  return hasAlpha && output !== 'jpeg' ? '#ffffff00' : '#ffffff';
}

/** The part that a uniform border surrounds; undefined without one, or where the recipe does not trim. */
async function trimmedRegion(load: () => Sharp, { size }: PictureHeader, { trim }: Recipe): Promise<Box | undefined> {
  if (trim === undefined) return undefined;
  const { data, info } = await load()
    .resize({ width: PROBE_SIZE_PX, height: PROBE_SIZE_PX, fit: 'inside', withoutEnlargement: true })
    .toColourspace('srgb')
    .ensureAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
    .catch(refuse);
  return uniformBorder(data, info, size, trim);
}
