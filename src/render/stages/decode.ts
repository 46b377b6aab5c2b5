import type { Sharp } from 'sharp';
import { assertFramesFit, refuse } from '../formats/header.ts';
import type { DecodeLimits, Examined, OriginalHeader } from '../original.ts';
import type { Box, Pixels } from '../pixels.ts';
import { keepsFrames, type Recipe } from '../recipe.ts';
import type { SharpModule } from '../sharp.ts';
import { type Conversion, toSrgb } from './colour.ts';
import { cutsAway, type FramePlan, isCentred, planFrame } from './geometry.ts';
import { PROBE_SIZE_PX, uniformBorder } from './trim.ts';

/** A decoder for one original and one recipe. */
export interface Decoder {
  /** Decoded, upright, scaled, cropped and framed; still to be converted and encoded. */
  open(): Sharp;
  /** The whole upright original (its first frame), as it is read. */
  load(): Sharp;
  readonly plan: FramePlan;
  /** What `plan` is a plan of: the upright original, or what its border surrounds. */
  readonly region: Box;
  readonly trimmed: boolean;
  /** All frames are kept. */
  readonly moves: boolean;
  /** The same, with its window where faces were found. */
  withPlan(plan: FramePlan): Decoder;
  /** The same from pixels that were decoded already: the whole picture at some size between. */
  from(pixels: Pixels): Decoder;
}

/** Which part of a picture is kept: the plan's window, or wherever libvips sees something that attracts attention. */
type Towards = 'window' | 'attention';

/** Reads what the frame depends on and plans it. libvips shrinks while loading where the format can. */
export async function prepareDecoder(
  sharp: SharpModule,
  original: Examined,
  recipe: Recipe,
  limits: DecodeLimits,
): Promise<Decoder> {
  const { header } = original;
  const moves = keepsFrames(recipe) && header.frames > 1;
  if (moves) assertFramesFit(header);
  const read = (animated: boolean) => openOriginal(sharp, original, limits, animated);
  const load = () => read(false);
  const inner = moves ? undefined : await trimmedRegion(load, header, recipe);
  const region = inner ?? { left: 0, top: 0, ...header.size };
  // Cut before it is scaled, which keeps libvips from shrinking while it loads: only where there is a border.
  const whole = () => (inner ? load().extract(inner) : read(moves));
  const decoder = (source: () => Sharp, plan: FramePlan, towards: Towards): Decoder => ({
    ...{ plan, region, load, moves, trimmed: inner !== undefined },
    open: () => framed(sharp, source(), plan, towards, header, recipe),
    withPlan: (aimedPlan) => decoder(source, aimedPlan, 'window'),
    from: (pixels) => decoder(() => openPixels(sharp, pixels), plan, towards),
  });
  // libvips finds what attracts attention in one picture only, not in an animation.
  const towards = recipe.gravity === 'center' || moves ? 'window' : 'attention';
  return decoder(whole, planFrame(region, recipe, moves ? header.frames : 1), towards);
}

/** Pixels that were decoded before. */
export function openPixels(sharp: SharpModule, { data, width, height, channels }: Pixels): Sharp {
  return sharp(data, { raw: { width, height, channels } });
}

/** An original as it is read: upright, within limits, all frames or the first. */
export function openOriginal(sharp: SharpModule, { body }: Examined, limits: DecodeLimits, animated = false): Sharp {
  if (!Buffer.isBuffer(body)) return openPixels(sharp, body);
  return sharp(body, {
    autoOrient: true,
    animated,
    // 'warning' would refuse many real photos; 'error' still refuses truncated ones.
    failOn: 'error',
    limitInputPixels: limits.maxPixels,
  }).timeout({ seconds: limits.timeoutSeconds });
}

/** Converts to sRGB and collects the pixels. */
export async function decode(image: Sharp, header: Conversion): Promise<Pixels> {
  const { data, info } = await toSrgb(image, header)
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
    .catch(refuse);
  const { width, height, pageHeight = height } = info;
  return { data, width, height: pageHeight, channels: info.channels as 3 | 4, frames: Math.round(height / pageHeight) };
}

function framed(
  sharp: SharpModule,
  image: Sharp,
  plan: FramePlan,
  towards: Towards,
  header: OriginalHeader,
  recipe: Recipe,
): Sharp {
  const { scaled, window, canvas, at } = plan;
  const cuts = cutsAway(plan);
  const centred = cuts && isCentred(plan);
  if (cuts && (towards === 'attention' || centred)) {
    // For a centred window too: scaling and then cutting costs a third more (bench/once.ts).
    const position = towards === 'attention' ? sharp.strategy.attention : 'centre';
    image.resize({ width: window.width, height: window.height, fit: 'cover', position });
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
