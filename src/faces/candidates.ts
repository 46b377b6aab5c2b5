import type { Face } from './face.ts';
import type { Area, Picture } from './picture.ts';

/**
 * Turns the detections of two models, in a picture and its parts, into faces. Numbers in, numbers out; boxes in pixels of the
 * detector input. The thresholds are measured by bench/faces.ts; figures in bench/results/.
 */

type Size = Pick<Picture, 'width' | 'height'>;

export interface Candidate extends Area {
  readonly score: number;
  readonly eyesY: number;
}

/** Score from which a detection of the first look is worth a second, closer look. */
const MIN_SUGGESTION = 0.4;
/** A face that the near model finds with this score and this share of the longer side needs no second look. */
const SURE = { score: 0.8, share: 0.15 };
/** Mean score of both models that confirms a face in the close-up. */
const MIN_CONFIRMED = 0.5;
/** Side of a close-up, as a multiple of the face's longer side. */
const CLOSE_UP = 2.2;
/** A face in the close-up is the suggested one if their intersection over union is at least this. */
const SAME_IN_CLOSE_UP = 0.3;
/** Close-ups of one picture; a crowd is framed by its likeliest faces. */
const MAX_SUGGESTIONS = 24;
/** Boxes that overlap in this share of the smaller one are the same face. */
const SAME_FACE = 0.4;
/** A picture with a face of this share of its longer side is a portrait: no small faces are looked for behind it. */
const PORTRAIT = { score: 0.7, share: 0.25 };
/** Longer side in pixels below which looking at parts of a picture finds no more faces. */
const TILED_MIN_PX = 320;
const TILES_ACROSS = 3;
/** Neighbouring tiles share this part of a tile, so that a small face is not cut in at least one of them. */
const TILE_OVERLAP = 0.25;
/** A face this near to a cut edge of its tile may be a part of one; fraction of the tile. */
const TILE_EDGE = 0.01;
/** A face larger than this share of a tile is detected better in the whole picture. */
const TILE_MAX_SHARE = 0.5;

/** The parts in which small faces are looked for; none where a large face was found already. */
export function tilesOf(picture: Size, found: readonly Candidate[]): Area[] {
  const longer = Math.max(picture.width, picture.height);
  if (longer < TILED_MIN_PX) return [];
  if (found.some(({ width, score }) => width > PORTRAIT.share * longer && score >= PORTRAIT.score)) return [];
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

/**
 * The faces that the first looks suggest, each once. `sure` needs no second look; `suggested` does, the likeliest first. The
 * near model places large faces more exactly, so its boxes go before the far model's.
 */
export function suggestions(
  picture: Size,
  near: readonly Candidate[],
  far: readonly Candidate[],
  tiled: readonly { tile: Area; found: readonly Candidate[] }[],
): { sure: Candidate[]; suggested: Candidate[] } {
  const longer = Math.max(picture.width, picture.height);
  const isSure = ({ score, width }: Candidate) => score >= SURE.score && width >= SURE.share * longer;
  const small = tiled.flatMap(({ tile, found }) => found.filter((face) => wholeIn(face, tile, picture)));
  const likely = (candidates: readonly Candidate[]) =>
    candidates.filter((face) => isSound(face) && face.score >= MIN_SUGGESTION).toSorted((a, b) => b.score - a.score);
  const sure = distinct(likely(near.filter(isSure)), []);
  const suggested = distinct(likely([...near.filter((face) => !isSure(face)), ...far, ...small]), sure);
  return { sure, suggested: suggested.slice(0, MAX_SUGGESTIONS) };
}

/** The close-up of a face with some space around it, inside the picture. Undefined for a face outside of it. */
export function closeUpOf(face: Candidate, picture: Size): Area | undefined {
  const side = Math.round(CLOSE_UP * Math.max(face.width, face.height));
  const size = { width: Math.min(side, picture.width), height: Math.min(side, picture.height) };
  const start = (middle: number, length: number, whole: number) =>
    Math.max(0, Math.min(whole - length, Math.round(middle - length / 2)));
  const left = start(face.left + face.width / 2, size.width, picture.width);
  const top = start(face.top + face.height / 2, size.height, picture.height);
  return size.width > 0 && size.height > 0 ? { left, top, ...size } : undefined;
}

/** The face as the close-up shows it; undefined when the close-up does not confirm the suggestion. */
export function confirmed(
  suggestion: Candidate,
  near: readonly Candidate[],
  far: readonly Candidate[],
): Candidate | undefined {
  const again = (found: readonly Candidate[]) =>
    found
      .filter((face) => isSound(face) && overUnion(face, suggestion) >= SAME_IN_CLOSE_UP)
      .toSorted((a, b) => b.score - a.score)[0];
  const [byNear, byFar] = [again(near), again(far)];
  const score = ((byNear?.score ?? 0) + (byFar?.score ?? 0)) / 2;
  return score >= MIN_CONFIRMED ? { ...(byNear ?? byFar ?? suggestion), score } : undefined;
}

/** Largest first, as fractions of the picture. Faces outside of it are dropped, those across its edge clipped. */
export function facesOf(picture: Size, found: readonly Candidate[]): Face[] {
  return distinct(found, [])
    .toSorted((a, b) => b.width * b.height - a.width * a.height)
    .flatMap((face) => asFractions(face, picture));
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

function wholeIn(face: Candidate, tile: Area, picture: Size): boolean {
  if (face.width > TILE_MAX_SHARE * Math.max(tile.width, tile.height)) return false;
  const slack = TILE_EDGE * Math.max(tile.width, tile.height);
  return (
    (tile.left === 0 || face.left > tile.left + slack) &&
    (tile.top === 0 || face.top > tile.top + slack) &&
    (tile.left + tile.width >= picture.width || face.left + face.width < tile.left + tile.width - slack) &&
    (tile.top + tile.height >= picture.height || face.top + face.height < tile.top + tile.height - slack)
  );
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
