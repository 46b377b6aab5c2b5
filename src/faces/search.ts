import {
  type Candidate,
  candidatesOf,
  closeUpOf,
  confirmed,
  facesOf,
  hidesSmallFaces,
  MAX_CLOSE_UPS,
  seenAgain,
  sure,
  tilesOf,
  wholeIn,
} from './candidates.ts';
import type { Detect } from './detector.ts';
import type { Look, LookDepth } from './face.ts';
import type { Picture } from './picture.ts';

export interface Models {
  /** Sees faces from 2 % of what it looks at, and sees some where there are none: 12 ms of CPU a pass. */
  readonly far: Detect;
  /** Sees faces from a tenth of what it looks at, and places them better: 3 ms. Loaded when a picture needs it. */
  near(): Promise<Detect>;
}

/** In a picture with a shorter side no face is recognisable, in pixels. */
const MIN_SIDE_PX = 20;

/**
 * Looks as far as the picture deserves: the far model at all of it; the near model at a close-up of each face that it reported,
 * and the far one again where the two leave a doubt; with the depth `tiles` the far model at parts too, where the picture may
 * hide smaller faces. `mayGoOn` is asked before each close-up and each tile.
 */
export async function search(
  picture: Picture,
  depth: LookDepth,
  models: Models,
  mayGoOn: () => boolean,
): Promise<Look> {
  const { width, height } = picture;
  const over = (faces: readonly Candidate[], reached: LookDepth, complete: boolean): Look => ({
    ...{ faces: facesOf(picture, faces), depth: reached, complete },
  });
  if (Math.min(width, height) < MIN_SIDE_PX) return over([], 'tiles', true);

  // For most pictures without a face this pass reports nothing, and is all that is done.
  const reported = models.far(picture, { left: 0, top: 0, width, height });
  const whole = await lookCloser(picture, candidatesOf(picture, reported, [], depth), models, mayGoOn, MAX_CLOSE_UPS);
  if (!whole.complete) return over(whole.faces, 'whole', false);
  // Where tiles would be left out anyway, no later look needs to go deeper.
  if (!hidesSmallFaces(picture, reported, whole.faces, depth)) return over(whole.faces, 'tiles', true);
  if (depth === 'whole') return over(whole.faces, 'whole', true);

  const inTiles: Candidate[] = [];
  for (const tile of tilesOf(picture)) {
    if (!mayGoOn()) return over(whole.faces, 'whole', false);
    inTiles.push(...models.far(picture, tile).filter((face) => wholeIn(face, tile, picture)));
  }
  const small = candidatesOf(picture, inTiles, whole.faces, depth);
  const closer = await lookCloser(picture, small, models, mayGoOn, MAX_CLOSE_UPS - whole.closeUps);
  return over([...whole.faces, ...closer.faces], 'tiles', closer.complete);
}

interface Closer {
  readonly faces: readonly Candidate[];
  readonly closeUps: number;
  readonly complete: boolean;
}

/** The candidates that close-ups confirm. */
async function lookCloser(
  picture: Picture,
  candidates: readonly Candidate[],
  { far, near }: Models,
  mayGoOn: () => boolean,
  most: number,
): Promise<Closer> {
  const faces: Candidate[] = [];
  let closeUps = 0;
  for (const candidate of candidates.slice(0, most)) {
    const closeUp = closeUpOf(candidate, picture);
    if (!closeUp) continue;
    if (!mayGoOn()) return { faces, closeUps, complete: false };
    closeUps += 1;
    const byNear = seenAgain(candidate, (await near())(picture, closeUp));
    if (!byNear) continue;
    const face = sure(candidate, byNear) ?? confirmed(byNear, seenAgain(candidate, far(picture, closeUp)));
    if (face) faces.push(face);
  }
  return { faces, closeUps, complete: true };
}
