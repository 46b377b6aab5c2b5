import type { Face, Probe } from '../../faces/face.ts';
import { refuse } from '../formats/header.ts';
import type { OriginalHeader } from '../original.ts';
import type { Box, Pixels } from '../pixels.ts';
import { type Recipe, seeksFaces } from '../recipe.ts';
import type { SharpModule } from '../sharp.ts';
import type { Conversion } from './colour.ts';
import { type Decoder, decode, openPixels } from './decode.ts';
import type { FaceBox } from './face-window.ts';
import { dependsOnFaces, windowToFaces, workingSize } from './geometry.ts';

/**
 * The faces of the upright original, in fractions of it; undefined when they could not be looked for. Asks for a probe
 * only when nobody looked at this original before.
 */
export type FaceLookup = (probe: () => Promise<Probe>) => Promise<readonly Face[] | undefined>;

/** Longer side of what faces are looked for in, in pixels: those of 5 % of it are found (bench/faces.ts). */
export const PROBE_SIDE_PX = 640;
/** Larger pictures are decoded twice, small for the probe and streamed for the rendition, rather than held in memory. */
const MAX_HELD_PIXELS = 16_000_000;
/** As after the conversion to sRGB. */
const CONVERTED = { deep: false, hasProfile: false };

export interface FaceAwareCrop {
  readonly decoder: Decoder;
  /** What is still to be converted to sRGB. */
  readonly header: Conversion;
  /** The whole picture, where it was decoded on the way. */
  readonly downscaled: Pixels | undefined;
  /** Faces matter for this frame but could not be looked for; it is framed by attention. */
  readonly facesMissed: boolean;
}

/** Frames around the faces, where the frame depends on them; nobody else pays for looking. */
export async function cropToFaces(
  sharp: SharpModule,
  decoder: Decoder,
  header: OriginalHeader,
  recipe: Recipe,
  lookup: FaceLookup,
): Promise<FaceAwareCrop> {
  const { plan, region, moves, trimmed } = decoder;
  if (!seeksFaces(recipe) || !dependsOnFaces(plan, region, recipe.faceZoom))
    return { decoder, header, downscaled: undefined, facesMissed: false };

  // The same way whether or not the faces are known already, so that the same key always has the same bytes.
  const size = workingSize(plan, region, recipe.faceZoom, PROBE_SIDE_PX);
  const wide = recipe.gamut === 'p3' && header.hasProfile;
  const held = moves || trimmed || wide || size.width * size.height > MAX_HELD_PIXELS ? undefined : size;
  const pixels = held && (await decode(decoder.load().resize({ ...held, fit: 'fill' }), header));
  const faces = await lookup(async () => probeOf(sharp, pixels ?? (await decode(small(decoder), header))));
  const source = pixels ? decoder.from(pixels) : decoder;
  return {
    decoder: faces?.length
      ? source.withPlan(windowToFaces(plan, seenIn(region, header, faces), region, recipe.faceZoom))
      : source,
    header: pixels ? CONVERTED : header,
    downscaled: pixels,
    facesMissed: faces === undefined,
  };
}

function small(decoder: Decoder) {
  return decoder
    .load()
    .resize({ width: PROBE_SIDE_PX, height: PROBE_SIDE_PX, fit: 'inside', withoutEnlargement: true });
}

/** RGBA on white, at most `PROBE_SIDE_PX` long. */
async function probeOf(sharp: SharpModule, pixels: Pixels): Promise<Probe> {
  const { data: rgba, info } = await openPixels(sharp, pixels)
    .resize({ width: PROBE_SIDE_PX, height: PROBE_SIDE_PX, fit: 'inside', withoutEnlargement: true })
    .flatten({ background: '#ffffff' })
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch(refuse);
  return { data: rgba, width: info.width, height: info.height };
}

/** From fractions of the upright original to fractions of what its border surrounds. */
function seenIn(region: Box, { size }: OriginalHeader, faces: readonly Face[]): FaceBox[] {
  const across = size.width / region.width;
  const down = size.height / region.height;
  return faces.map(({ left, top, width, height, score, eyesY }) => ({
    left: left * across - region.left / region.width,
    top: top * down - region.top / region.height,
    width: width * across,
    height: height * down,
    score,
    eyesY: eyesY * down - region.top / region.height,
  }));
}
