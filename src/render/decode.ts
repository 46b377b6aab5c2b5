import type { Sharp } from 'sharp';
import { type Box, type FramePlan, planFrame, type Size } from './crop.ts';
import { keepsFrames } from './encode.ts';
import type { SharpModule } from './engine.ts';
import { assertFramesFit, type OriginalHeader, type OriginalLimits, refuse } from './header.ts';
import type { Recipe } from './recipe.ts';
import { PROBE_SIZE_PX, uniformBorder } from './trim.ts';

export interface DecodeLimits extends OriginalLimits {
  /** sharp gives up decoding after this many seconds; it does not stop every encoder. */
  readonly timeoutSeconds: number;
}

/** Upright sRGB pixels, 8 bits a channel, 3 channels or 4 with straight alpha; frames stand below each other. */
export interface Pixels extends Size {
  readonly data: Buffer;
  readonly channels: 3 | 4;
  readonly frames: number;
}

/** A decoder for one original and one recipe. */
export interface Decoder {
  /** Decoded, upright, scaled, cropped and framed; still to be converted and encoded. */
  open(): Sharp;
  readonly plan: FramePlan;
}

/** Reads what the frame depends on and plans it. libvips shrinks while loading where the format can. */
export async function prepareDecoder(
  sharp: SharpModule,
  original: Buffer,
  header: OriginalHeader,
  recipe: Recipe,
  limits: DecodeLimits,
): Promise<Decoder> {
  const moves = keepsFrames(recipe) && header.frames > 1;
  if (moves) assertFramesFit(header);
  const load = () =>
    sharp(original, {
      autoOrient: true,
      animated: moves,
      // 'warning' would refuse many real photos; 'error' still refuses truncated ones.
      failOn: 'error',
      limitInputPixels: limits.maxPixels,
    }).timeout({ seconds: limits.timeoutSeconds });

  const region = moves ? undefined : await trimmedRegion(load, header, recipe);
  const plan = planFrame(region ?? header.size, recipe, moves ? header.frames : 1);
  // Cut before it is scaled, which keeps libvips from shrinking while it loads: only where there is a border.
  const open = () => framed(sharp, region ? load().extract(region) : load(), plan, header, recipe, moves);
  return { plan, open };
}

/** Converts to sRGB and collects the pixels. */
export async function decode({ open }: Decoder, header: OriginalHeader): Promise<Pixels> {
  const image = open().toColourspace('srgb');
  // sharp works on deep pictures in Display P3 and would hand out its numbers as if they were sRGB's.
  if (header.deep && header.hasProfile) image.withIccProfile('srgb', { attach: false });
  const { data, info } = await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true }).catch(refuse);
  const { width, height, pageHeight = height } = info;
  return { data, width, height: pageHeight, channels: info.channels as 3 | 4, frames: Math.round(height / pageHeight) };
}

function framed(
  sharp: SharpModule,
  image: Sharp,
  plan: FramePlan,
  header: OriginalHeader,
  recipe: Recipe,
  moves: boolean,
): Sharp {
  const { scaled, window, canvas, at } = plan;
  const cuts = window.width < scaled.width || window.height < scaled.height;
  // libvips finds what attracts attention in one picture only, not in an animation.
  if (cuts && recipe.gravity !== 'center' && !moves) {
    image.resize({ width: window.width, height: window.height, fit: 'cover', position: sharp.strategy.attention });
  } else {
    image.resize({ ...scaled, fit: 'fill' });
    if (cuts) image.extract(window);
  }
  if (canvas.width === window.width && canvas.height === window.height) return image;
  // A ground that was asked for is one ground: behind the picture's transparent parts as well as beside it.
  if (recipe.background !== undefined) image.flatten({ background: recipe.background });
  return image.extend({
    left: at.left,
    top: at.top,
    right: canvas.width - window.width - at.left,
    bottom: canvas.height - window.height - at.top,
    background: recipe.background ?? groundOf(header, recipe),
  });
}

/** Around a cut-out the frame stays as transparent as the picture's own ground. */
function groundOf({ hasAlpha }: OriginalHeader, { output }: Recipe): string {
  return hasAlpha && output !== 'jpeg' ? '#ffffff00' : '#ffffff';
}

/** What a uniform border surrounds, if that was asked for and there is one. */
async function trimmedRegion(load: () => Sharp, { size }: OriginalHeader, { trim }: Recipe): Promise<Box | undefined> {
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
