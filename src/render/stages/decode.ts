import type { Sharp } from 'sharp';
import { eachFrame } from '../effects/frames.ts';
import { BY_SHARP, type ByEngine } from '../engine/by-engine.ts';
import { backgroundIn, isWide, toDisplayP3 } from '../formats/colour/display-p3.ts';
import { assertFramesFit, refuse } from '../formats/header.ts';
import type { DecodeLimits, PictureHeader, PictureSource } from '../picture-source.ts';
import { type Box, type Pixels, type Size, sameSize } from '../pixels.ts';
import { keepsFrames, type Recipe, seeksAttention } from '../recipe.ts';
import type { SharpModule } from '../sharp.ts';
import { type Conversion, convertsLate, toSrgb } from './colour.ts';
import { cutsAway, type FramePlan, isCentred } from './geometry.ts';
import { PROBE_SIZE_PX, uniformBorder } from './trim.ts';
import { type Cut, cutOf } from './view/cut.ts';
import { planView, type ViewPlan, wholePlan, wholeSize } from './view/plan.ts';
import { isUpright, type Turn, turnedBox, viewOf } from './view/view.ts';

/** A decoder for one source and one recipe. */
export interface Decoder extends ViewPlan {
  /** Decoded, upright, scaled, cropped and framed; still to be converted and encoded. Turned, of one frame only. */
  open(): Sharp;
  /** What that opens is converted behind it. */
  readonly late: boolean;
  /** The same in sRGB, as pixels. Where the recipe has effects, without what is around the picture: that is drawn behind them. */
  pixels(header: Conversion): Promise<Pixels>;
  /** All that is shown of the picture at another size, without anything around it. */
  whole(size: Size, header: Conversion): Promise<Pixels>;
  /** The upright picture (its first frame), neither trimmed, scaled nor cropped. */
  load(): Sharp;
  /** All of that at this size, in sRGB. */
  at(size: Size): Promise<Pixels>;
  readonly position: CropPosition;
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
  engine: ByEngine = BY_SHARP,
): Promise<Decoder> {
  const { header } = source;
  const moves = keepsFrames(recipe) && header.frames > 1;
  if (moves) assertFramesFit(header);
  const read = (animated: boolean, late: boolean) => openSource(sharp, source, limits, { animated, late });
  const load = () => read(false, false);
  const at = async (size: Size) => (await engine.whole(source, size)) ?? scaledPixels(sharp, source, size, limits);
  const inner = moves ? undefined : await trimmedRegion(load, header, recipe);
  const view = planView(header.size, recipe, moves ? header.frames : 1, inner);
  // Extracting before scaling keeps libvips from shrinking on load, so only where there is a border.
  const content = (late: boolean) =>
    inner && isWhole(view, recipe, header) ? read(false, late).extract(inner) : read(moves, late);
  const downscaled = !sameSize(header.stored, header.size);
  const decoder = (from: (late: boolean) => Sharp, own: ViewPlan, position: CropPosition, partly: boolean): Decoder => {
    const { plan, turn } = own;
    // Attention is sought, and backgrounds are drawn, in colours of sRGB.
    const seeks = position === 'attention' && cutsAway(plan);
    const bare = recipe.effects !== undefined || sameSize(plan.canvas, plan.window);
    // Pixels that were given (`partly`) were converted where they were made.
    const late =
      !partly && bare && !seeks && !isWide(header, recipe) && convertsLate(header, wholeSize(own, header.size));
    const input = () => from(late);
    const around = (image: Sharp) => surrounded(image, plan, header, recipe);
    const cut = (view: ViewPlan) => cutOf(view, header.size, partly);
    const picture = () =>
      isWhole(own, recipe, header) ? framed(sharp, input(), plan, position) : cutOut(input(), cut(own));
    const finish = (image: Sharp) => (recipe.effects ? image : around(image));
    const finished = recipe.effects ? plan.window : plan.canvas;
    const turnedPixels = async (view: ViewPlan, conversion: Conversion, last: (image: Sharp) => Sharp) => {
      const { from, scaled, window } = cut(view);
      // sharp turns all of a picture upright before it cuts, unscaled: so what is scaled whole is cut behind.
      const late = header.turned && !from;
      const image = late ? input().resize({ ...scaled, fit: 'fill' }) : cutOut(input(), { from, scaled, window });
      // Frames that lie below each other cannot be turned together.
      return eachFrame(sharp, await decode(image, conversion), (each) =>
        last(turned(late ? each.extract(window) : each, turn)),
      );
    };
    const atOnce = isUpright(turn) && (isWhole(own, recipe, header) || !header.turned);
    return {
      ...{ ...own, late, load, at, position, moves, trimmed: inner !== undefined },
      // All is turned before the window is cut out of it: sharp knows no other order.
      open: () => around(isUpright(turn) ? picture() : turnedCut(input(), own, cut(own))),
      pixels: (conversion) =>
        atOnce
          ? decode(finish(picture()), { ...conversion, late }, finished)
          : turnedPixels(own, { ...conversion, late }, finish),
      whole: (size, conversion) =>
        turnedPixels({ ...own, plan: wholePlan(size) }, { ...conversion, late }, (image) => image),
      withPlan: (other) => decoder(from, { ...own, plan: other }, 'window', partly),
      from: (pixels) => decoder(() => openPixels(sharp, pixels), own, position, true),
    };
  };
  // libvips looks for attention in one picture, not in an animation.
  const position = moves || !seeksAttention(recipe) ? 'window' : 'attention';
  return decoder(content, view, position, downscaled);
}

/** Whether a picture is scaled whole, as it is: the path on which each pixel is where it always was. */
function isWhole({ plain }: ViewPlan, { enlarge, gravity, edit }: Recipe, { turned }: PictureHeader): boolean {
  const older = gravity === 'auto' || gravity === 'faces' || gravity === 'attention' || gravity === 'center';
  // To cut a window that was placed otherwise out of one that is turned upright, see `late`.
  return plain && !enlarge && !(turned && (!older || edit?.focus));
}

/** Opens pixels of one frame. */
export function openPixels(sharp: SharpModule, { data, width, height, channels }: Pixels): Sharp {
  return sharp(data, { raw: { width, height, channels } });
}

/** sharp reads no planes: what it is to make of some begins with their pixels. */
export class PixelsNeeded extends Error {}

/** Opens a source: upright, within limits, all frames or the first; `late`: not converted yet. Throws `PixelsNeeded`. */
export function openSource(
  sharp: SharpModule,
  source: PictureSource,
  limits: DecodeLimits,
  { animated = false, late = false } = {},
): Sharp {
  if (source.kind === 'planes') throw new PixelsNeeded();
  if (source.kind === 'pixels') return openPixels(sharp, source.pixels);
  return sharp(source.body, {
    autoOrient: true,
    ignoreIcc: late,
    // Not `animated`: a frame may stand behind those of the animation, see `withTransparentFrame`.
    pages: animated ? source.header.frames : 1,
    ...(source.kind === 'original' && source.page ? { page: source.page } : {}),
    // 'warning' would refuse many real photos; 'error' still refuses truncated ones.
    failOn: 'error',
    limitInputPixels: limits.maxPixels,
  }).timeout({ seconds: limits.timeoutSeconds });
}

/**
 * Converts to sRGB, or to Display P3 where `header` says wide, and collects the pixels. `header`: of the picture as `image` opened it.
 * `size`: of a frame, where it was extended behind a cut; sharp tells the size of the cut then.
 */
export async function decode(image: Sharp, header: Conversion, size?: Size): Promise<Pixels> {
  const { data, info } = await (header.wide ? toDisplayP3(image) : toSrgb(image, header))
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
    .catch(refuse);
  const { channels } = info;
  if (channels !== 3 && channels !== 4) throw new Error(`sRGB pixels of ${channels} channels`);
  const { width, height } = size ?? { width: info.width, height: info.pageHeight ?? info.height };
  const frames = Math.round(data.length / (width * height * channels));
  return { data, width, height, channels, frames, ...(header.wide ? { wide: true } : {}) };
}

/** All of a picture at this size, in sRGB. */
export function scaledPixels(
  sharp: SharpModule,
  source: PictureSource,
  size: Size,
  limits: DecodeLimits,
): Promise<Pixels> {
  const late = convertsLate(source.header, size);
  const image = openSource(sharp, source, limits, { late }).resize({ ...size, fit: 'fill' });
  return decode(image, { ...source.header, late });
}

function framed(sharp: SharpModule, image: Sharp, plan: FramePlan, position: CropPosition): Sharp {
  const { scaled, window } = plan;
  const cuts = cutsAway(plan);
  const centred = cuts && isCentred(plan);
  if (cuts && (position === 'attention' || centred)) {
    // For a centred window too: scaling and then cutting costs a third more (bench/once.ts).
    const strategy = position === 'attention' ? sharp.strategy.attention : 'centre';
    return image.resize({ width: window.width, height: window.height, fit: 'cover', position: strategy });
  }
  image.resize({ ...scaled, fit: 'fill' });
  return cuts ? image.extract(window) : image;
}

function cutOut(image: Sharp, { from, scaled, window }: Cut): Sharp {
  const part = from ? image.extract(from) : image;
  return part.resize({ ...scaled, fit: 'fill' }).extract(window);
}

function turnedCut(image: Sharp, { turn }: ViewPlan, { from, scaled, window }: Cut): Sharp {
  const part = from ? image.extract(from) : image;
  return turned(part.resize({ ...scaled, fit: 'fill' }), turn).extract(turnedBox(window, scaled, turn));
}

function turned(image: Sharp, { mirrored, quarters }: Turn): Sharp {
  if (mirrored) image.flop();
  return quarters === 0 ? image : image.rotate(90 * quarters);
}

/** With what is around a picture: its margin, or the rest of its canvas. */
function surrounded(image: Sharp, { window, canvas, at }: FramePlan, header: PictureHeader, recipe: Recipe): Sharp {
  if (canvas.width === window.width && canvas.height === window.height) return image;
  // The recipe's background goes behind the transparent parts as well as around the picture.
  const ground = backgroundIn(header, recipe);
  if (ground !== undefined) image.flatten({ background: ground });
  return image.extend({
    left: at.left,
    top: at.top,
    right: canvas.width - window.width - at.left,
    bottom: canvas.height - window.height - at.top,
    background: ground ?? defaultBackground(header, recipe),
  });
}

/** The frame around a cut-out is transparent too. */
export function defaultBackground({ hasAlpha }: PictureHeader, { output }: Recipe): string {
  return hasAlpha && output !== 'jpeg' ? '#ffffff00' : '#ffffff';
}

/** The part of the view that a uniform border surrounds; undefined without one, or where the recipe does not trim. */
async function trimmedRegion(load: () => Sharp, { size }: PictureHeader, recipe: Recipe): Promise<Box | undefined> {
  if (recipe.trim === undefined) return undefined;
  const part = viewOf(size, recipe)?.region;
  const { data, info } = await (part ? load().extract(part) : load())
    .resize({ width: PROBE_SIZE_PX, height: PROBE_SIZE_PX, fit: 'inside', withoutEnlargement: true })
    .toColourspace('srgb')
    .ensureAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
    .catch(refuse);
  const inner = uniformBorder(data, info, part ?? size, recipe.trim);
  return part && inner ? { ...inner, left: part.left + inner.left, top: part.top + inner.top } : inner;
}
