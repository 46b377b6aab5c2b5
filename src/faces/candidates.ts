import type { Face, LookDepth } from './face.ts';
import type { Area, Picture } from './picture.ts';

/**
 * The rules of the search: what two models see in a picture and its parts, and which of it is a face. Numbers in, numbers out;
 * boxes in pixels of the detector input. The thresholds are measured by bench/face-passes.ts and bench/faces.ts.
 */

type Size = Pick<Picture, 'width' | 'height'>;

export interface Candidate extends Area {
  readonly score: number;
  readonly eyesY: number;
}

/** Score from which the far model reports a face. A picture in which it reports none holds none. */
export const MIN_REPORTED = 0.3;
/** Score from which the near model reports a face in a close-up; below it, the close-up refutes the candidate. */
export const MIN_NEAR = 0.4;
/** Score from which what the far model reports is worth a close-up. */
const MIN_CANDIDATE = 0.4;
/** Smaller faces are blurs, in parts of the detector input's longer side: in one for a whole look 16 pixels of 320, for tiles 12 of 640. */
const MIN_FACE: Record<LookDepth, number> = { whole: 16 / 320, tiles: 12 / 640 };
/** In one of an original that is smaller, in pixels. */
const MIN_FACE_PX: Record<LookDepth, number> = { whole: 14, tiles: 10.5 };
/** Close-ups of one picture; a crowd is framed by its likeliest faces. */
export const MAX_CLOSE_UPS = 24;
/** Side of a close-up, as a multiple of the face's longer side. */
const CLOSE_UP = 2.2;
/** A face in the close-up is the candidate if their intersection over union is at least this. */
const SAME_IN_CLOSE_UP = 0.3;
/** The near model's score in the close-up, and its mean with the candidate's, from which the far model is not asked again. */
const SURE = { near: 0.75, mean: 0.7 };
/** Mean score of both models in the close-up that confirms a face. */
const MIN_CONFIRMED = 0.5;
/** Boxes that overlap in this share of the smaller one are the same face. */
const SAME_FACE = 0.4;
/** A picture with a face of this share of its longer side is a portrait: no small faces are looked for behind it. */
const PORTRAIT = { score: 0.7, share: 0.25 };
/** A face below this share of the longer side is seldom the smallest of its picture. */
const SMALL = 0.15;
/** Where so many faces were found there are seldom no others. */
const GROUP = 3;
/** So many reports that no close-up confirmed are no longer the pattern of a curtain. */
const UNCONFIRMED = 2;
/**
 * The models' boxes are squares from the brows to the chin; a face, here and in annotated photos, is less wide and begins at the
 * forehead. In parts of a box's sides, medians over the 82 annotated faces of bench/faces.ts over 5 % of the width.
 */
const FOREHEAD = 0.21;
const INSET = 0.035;
/** Longer side in pixels below which looking at parts of a picture finds no more faces. */
const TILED_MIN_PX = 320;
const TILES_ACROSS = 2;
/** Neighbouring tiles share this part of a tile, so that a small face is not cut in at least one of them. */
const TILE_OVERLAP = 0.25;
/** A face this near to a cut edge of its tile may be a part of one; fraction of the tile. */
const TILE_EDGE = 0.01;
/** A face larger than this share of a tile is detected better in the whole picture. */
const TILE_MAX_SHARE = 0.5;

/** What is worth a close-up, the likeliest first, each face once and none of those that are known. */
export function candidatesOf(
  picture: Size,
  reported: readonly Candidate[],
  known: readonly Candidate[],
  depth: LookDepth,
): Candidate[] {
  const likely = reported.filter(
    (face) => isSound(face) && face.score >= MIN_CANDIDATE && longerSide(face) >= smallestFace(picture, depth),
  );
  const sorted = likely.toSorted((a, b) => b.score - a.score);
  return distinct(sorted, known);
}

/** The close-up of a face with some space around it, inside the picture. Undefined for a face outside of it. */
export function closeUpOf(face: Candidate, picture: Size): Area | undefined {
  const side = Math.round(CLOSE_UP * longerSide(face));
  const size = { width: Math.min(side, picture.width), height: Math.min(side, picture.height) };
  const start = (middle: number, length: number, whole: number) =>
    Math.max(0, Math.min(whole - length, Math.round(middle - length / 2)));
  const left = start(face.left + face.width / 2, size.width, picture.width);
  const top = start(face.top + face.height / 2, size.height, picture.height);
  return size.width > 0 && size.height > 0 ? { left, top, ...size } : undefined;
}

/** The candidate among the detections in its close-up. */
export function seenAgain(candidate: Candidate, inCloseUp: readonly Candidate[]): Candidate | undefined {
  return inCloseUp
    .filter((face) => isSound(face) && overUnion(face, candidate) >= SAME_IN_CLOSE_UP)
    .toSorted((a, b) => b.score - a.score)[0];
}

/**
 * The near model's box, which is the more exact one, where its close-up leaves no doubt about what the far model reported. Else
 * undefined: the far model is to look at the close-up too.
 */
export function sure(candidate: Candidate, near: Candidate): Candidate | undefined {
  const score = (near.score + candidate.score) / 2;
  return near.score >= SURE.near && score >= SURE.mean ? { ...near, score } : undefined;
}

/** The near model's box where the far model, in the same close-up, is of its opinion. */
export function confirmed(near: Candidate, far: Candidate | undefined): Candidate | undefined {
  const score = (near.score + (far?.score ?? 0)) / 2;
  return score >= MIN_CONFIRMED ? { ...near, score } : undefined;
}

/**
 * Whether parts of the picture may show smaller faces than the whole of it did. `reported`: by the far model; `found`: what
 * close-ups confirmed. Most pictures show one subject, and nothing else that resembles a face.
 */
export function hidesSmallFaces(
  picture: Size,
  reported: readonly Candidate[],
  found: readonly Candidate[],
  depth: LookDepth,
): boolean {
  const longer = longerSide(picture);
  if (found.some(({ width, score }) => width > PORTRAIT.share * longer && score >= PORTRAIT.score)) return false;
  return (
    found.length >= GROUP ||
    reported.length >= found.length + UNCONFIRMED ||
    found.some(({ width }) => width < SMALL * longer) ||
    reported.some((face) => longerSide(face) < smallestFace(picture, depth))
  );
}

/** The parts in which small faces are looked for. */
export function tilesOf(picture: Size): Area[] {
  const longer = longerSide(picture);
  if (longer < TILED_MIN_PX) return [];
  const side = Math.ceil(longer / (TILES_ACROSS - (TILES_ACROSS - 1) * TILE_OVERLAP));
  const width = Math.min(side, picture.width);
  const height = Math.min(side, picture.height);
  const starts = (length: number, part: number) => {
    const count = part >= length ? 1 : Math.ceil((length - part * TILE_OVERLAP) / (part * (1 - TILE_OVERLAP)));
    return Array.from({ length: count }, (_, index) =>
      count === 1 ? 0 : Math.round((index * (length - part)) / (count - 1)),
    );
  };
  return starts(picture.height, height).flatMap((top) =>
    starts(picture.width, width).map((left) => ({ left, top, width, height })),
  );
}

/** Whether a tile shows all of a face, and shows it better than the whole picture does. */
export function wholeIn(face: Candidate, tile: Area, picture: Size): boolean {
  if (face.width > TILE_MAX_SHARE * longerSide(tile)) return false;
  const slack = TILE_EDGE * longerSide(tile);
  return (
    (tile.left === 0 || face.left > tile.left + slack) &&
    (tile.top === 0 || face.top > tile.top + slack) &&
    (tile.left + tile.width >= picture.width || face.left + face.width < tile.left + tile.width - slack) &&
    (tile.top + tile.height >= picture.height || face.top + face.height < tile.top + tile.height - slack)
  );
}

/** Largest first, from forehead to chin, as fractions of the picture. Faces outside of it are dropped, those across its edge clipped. */
export function facesOf(picture: Size, found: readonly Candidate[]): Face[] {
  return distinct(found, [])
    .toSorted((a, b) => b.width * b.height - a.width * a.height)
    .flatMap((face) => asFractions(withForehead(face), picture));
}

function withForehead(face: Candidate): Candidate {
  const { left, top, width, height } = face;
  return {
    ...face,
    ...{ left: left + INSET * width, top: top - FOREHEAD * height },
    ...{ width: (1 - 2 * INSET) * width, height: (1 + FOREHEAD) * height },
  };
}

function smallestFace(picture: Size, depth: LookDepth): number {
  return Math.max(MIN_FACE_PX[depth], MIN_FACE[depth] * longerSide(picture));
}

function longerSide({ width, height }: Size): number {
  return Math.max(width, height);
}

function distinct(candidates: readonly Candidate[], known: readonly Candidate[]): Candidate[] {
  const chosen: Candidate[] = [];
  for (const face of candidates) if (![...known, ...chosen].some((other) => sameFace(face, other))) chosen.push(face);
  return chosen;
}

/** Finite numbers and a box that is not empty. */
function isSound({ left, top, width, height, score, eyesY }: Candidate): boolean {
  return [left, top, width, height, score, eyesY].every(Number.isFinite) && width > 0 && height > 0;
}

function sameFace(a: Area, b: Area): boolean {
  return shared(a, b) >= SAME_FACE * Math.min(a.width * a.height, b.width * b.height);
}

function overUnion(a: Area, b: Area): number {
  const both = shared(a, b);
  return both / (a.width * a.height + b.width * b.height - both);
}

/** Pixels in the intersection. */
function shared(a: Area, b: Area): number {
  const across = Math.min(a.left + a.width, b.left + b.width) - Math.max(a.left, b.left);
  const down = Math.min(a.top + a.height, b.top + b.height) - Math.max(a.top, b.top);
  return across <= 0 || down <= 0 ? 0 : across * down;
}

function asFractions(face: Candidate, { width, height }: Size): Face[] {
  const left = Math.max(0, face.left / width);
  const top = Math.max(0, face.top / height);
  const right = Math.min(1, (face.left + face.width) / width);
  const bottom = Math.min(1, (face.top + face.height) / height);
  const eyesY = Math.min(bottom, Math.max(top, face.eyesY / height));
  const sound = isSound(face) && right > left && bottom > top;
  return sound ? [{ left, top, width: right - left, height: bottom - top, score: face.score, eyesY }] : [];
}
