import type { Face, LookDepth, Probe } from '../../faces/face.ts';
import type { HeldPicture, Hold } from '../engine/held.ts';
import { refuse } from '../formats/header.ts';
import type { PictureHeader } from '../picture-source.ts';
import { type Pixels, type Size, sameSize } from '../pixels.ts';
import { type Recipe, seeksFaces } from '../recipe.ts';
import type { SharpModule } from '../sharp.ts';
import type { Conversion } from './colour.ts';
import { type Decoder, decode, openPixels } from './decode.ts';
import type { FaceBox } from './face-boxes.ts';
import { cutsAway, dependsOnFaces, type FramePlan, windowToDetail, windowToFaces, workingSize } from './geometry.ts';
import { lookDepthFor, lookedAtSize, PROBE_SIDE_PX } from './look-depth.ts';
import { greyOf, partOf, rgbaOnWhite } from './small-pictures.ts';
import { cropToInterest } from './view/interest-window.ts';
import { type Turn, turnedBox, turnedGrey } from './view/view.ts';

/**
 * The faces of the upright original, in fractions of it; undefined when looking for them failed. Calls `probe` only when the
 * faces of this original are not known yet.
 */
export type FaceLookup = (probe: () => Promise<Probe>, depth: LookDepth) => Promise<readonly Face[] | undefined>;

/** A larger picture is decoded twice, small for the detector and streamed for the rendition, rather than held in memory. */
const MAX_HELD_PIXELS = 16_000_000;
/** Of pixels that are in sRGB already. */
const CONVERTED = { deep: false, hasProfile: false };

export interface FaceAwareCrop {
  readonly decoder: Decoder;
  /** How what `decoder` opens is to be converted to sRGB. */
  readonly header: Conversion;
  /** All of the picture, where it was decoded for the look. */
  readonly downscaled: Pixels | undefined;
  /** Makes the rendition's own pixels, where they only have to be cut out of those. */
  readonly cutOut: (() => Pixels) | undefined;
  /** Faces matter for this frame but looking for them failed; it is framed by attention. */
  readonly facesMissed: boolean;
  /** The picture as the engine decoded it for the look, of which it can make the rendition. To be disposed of. */
  readonly held: HeldPicture | undefined;
}

/** Moves the frame to the faces, or to what draws the eye. A frame that does not depend on faces costs no look. */
export async function cropToFaces(
  sharp: SharpModule,
  decoder: Decoder,
  header: PictureHeader,
  recipe: Recipe,
  lookup: FaceLookup,
  hold: Hold,
): Promise<FaceAwareCrop> {
  const { plan, shown } = decoder;
  if (!seeksFaces(recipe) || !dependsOnFaces(plan, shown, recipe.faceZoom)) {
    const cropped = await cropToInterest(sharp, decoder, header, recipe, hold);
    return { ...cropped, header, downscaled: undefined, cutOut: undefined, facesMissed: false };
  }
  const lookSide = PROBE_SIDE_PX[lookDepthFor(plan, header.size, shown, recipe.faceZoom)];
  const { promise: begun, resolve: begin } = Promise.withResolvers<boolean>();
  // The lookup asks for pixels at once or not at all.
  const asks: FaceLookup = (probe, depth) => {
    let looksNow = false;
    const taken = () => {
      looksNow = true;
      return probe();
    };
    try {
      return lookup(taken, depth);
    } finally {
      begin(looksNow);
    }
  };
  const nearest = workingSize(plan, shown, recipe.faceZoom, 1);
  const holding = begun.then((looksNow) => hold({ nearest, lookSide, looksNow }));
  try {
    return await cropHeld(sharp, decoder, header, recipe, asks, holding);
  } catch (error) {
    (await holding.catch(() => undefined))?.[Symbol.dispose]();
    throw error;
  }
}

async function cropHeld(
  sharp: SharpModule,
  decoder: Decoder,
  header: PictureHeader,
  recipe: Recipe,
  lookup: FaceLookup,
  holding: Promise<HeldPicture | undefined>,
): Promise<FaceAwareCrop> {
  const { plan, shown, region, moves, trimmed, plain } = decoder;
  // Decoded in the same way when the faces are known already, so that the same key always has the same bytes.
  const depth = lookDepthFor(plan, header.size, shown, recipe.faceZoom);
  const side = PROBE_SIDE_PX[depth];
  const size = lookedAtSize(plan, header.size, shown, recipe.faceZoom);
  const wide = recipe.gamut === 'p3' && header.hasProfile;
  const alone = moves || trimmed || wide || !plain || recipe.enlarge;
  const shared = alone || size.width * size.height > MAX_HELD_PIXELS ? undefined : size;
  const decoding = holding.then((held) => (held || !shared ? undefined : decoder.at(shared)));
  let smaller: Promise<Pixels> | undefined;
  const whole = () => {
    smaller ??= holding
      .then((held) => held?.whole())
      .then(async (look) => look ?? (await decoding) ?? decode(small(decoder, side), header));
    return smaller;
  };
  const probe = async () => probeOf(sharp, await whole(), side);
  // Begun before the pixels are there: the first look of a process starts a thread meanwhile.
  const looking = lookup(probe, depth);
  looking.catch(() => {});
  const pixels = await decoding;
  const faces = facesWithin(decoder, header.size, (await looking) ?? []);
  const facesMissed = (await looking) === undefined;
  const source = pixels ? decoder.from(pixels) : decoder;
  const grey = async () => turnedGrey(greyOf(partOf(await whole(), region, header.size)), decoder.turn);
  const framed = faces.length
    ? windowToFaces(plan, faces, shown, recipe.faceZoom)
    : // The pixels of the look, or the same ones decoded now. Frames that move together stay in the middle.
      !moves && cutsAway(plan) && windowToDetail(plan, await grey());
  return {
    decoder: framed ? source.withPlan(framed) : source,
    header: pixels ? CONVERTED : header,
    downscaled: pixels,
    cutOut: framed && pixels ? cutOutOf(pixels, framed) : undefined,
    facesMissed,
    held: await holding,
  };
}

/** What a plan shows of pixels that have its size already. A pipeline of sharp's for it takes some milliseconds. */
function cutOutOf(pixels: Pixels, plan: FramePlan): (() => Pixels) | undefined {
  const { scaled, window, canvas } = plan;
  if (!sameSize(pixels, scaled) || !sameSize(window, canvas) || !cutsAway(plan)) return undefined;
  return () => ({ ...partOf(pixels, window, scaled), frames: 1 });
}

function small(decoder: Decoder, side: number) {
  return decoder.load().resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true });
}

/** The detector input: RGBA on white, at most `side` pixels on its longer side. */
async function probeOf(sharp: SharpModule, pixels: Pixels, side: number): Promise<Probe> {
  const { width, height } = pixels;
  if (pixels.opaque) return { data: pixels.data, width, height };
  if (Math.max(width, height) <= side) return { data: rgbaOnWhite(pixels), given: true, width, height };
  const { data: rgba, info } = await openPixels(sharp, pixels)
    .resize({ width: side, height: side, fit: 'inside' })
    .flatten({ background: '#ffffff' })
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch(refuse);
  return { data: rgba, width: info.width, height: info.height };
}

/** From fractions of the upright original to fractions of what is shown of it, of the faces that are in the middle of that or beside it. */
export function facesWithin(
  { region, turn, plain, trimmed }: Pick<Decoder, 'region' | 'turn' | 'plain' | 'trimmed'>,
  size: Size,
  faces: readonly Face[],
): FaceBox[] {
  const across = size.width / region.width;
  const down = size.height / region.height;
  const placed = faces.map(({ left, top, width, height, score, eyesY }) => ({
    left: left * across - region.left / region.width,
    top: top * down - region.top / region.height,
    width: width * across,
    height: height * down,
    score,
    eyesY: eyesY * down - region.top / region.height,
  }));
  if (plain || trimmed) return placed;
  const inside = (middle: number) => middle > 0 && middle < 1;
  return placed
    .filter(({ left, top, width, height }) => inside(left + width / 2) && inside(top + height / 2))
    .map((face) => turnedFace(face, turn));
}

const UNIT = { width: 1, height: 1 };

/** The eyes of a face on its side are in the middle of its box, about. */
function turnedFace(face: FaceBox, turn: Turn): FaceBox {
  const eyes = { left: face.left + face.width / 2, top: face.eyesY, width: 0, height: 0 };
  return { ...turnedBox(face, UNIT, turn), score: face.score, eyesY: turnedBox(eyes, UNIT, turn).top };
}
