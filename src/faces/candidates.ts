/**
 * From what two models say of a picture and its parts to its faces. Numbers in, numbers out; boxes in probe pixels.
 * The bounds are measured by bench/faces.ts, the figures stand in bench/results/.
 */
import type { Face } from './face-finder.ts';

export interface Candidate {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly score: number;
  readonly eyesY: number;
}

export interface Area {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Least confidence believed, by where a face was seen. */
const MIN_SCORE = { near: 0.7, far: 0.7, tile: 0.75 };
/** From this share of the longer side on, the near model sees more exactly than the far one. */
const NEAR_MIN_SHARE = 0.15;
/** Faces that share this much of the smaller one are the same face. */
const SAME_FACE = 0.4;
/** A picture with a face this large is of that face: nobody looks for small ones behind it. */
const PORTRAIT_SHARE = 0.25;
/** Below this many pixels on its longer side a picture gains nothing from being looked at in parts. */
const TILED_MIN_PX = 320;
const TILES_ACROSS = 2;
/** Neighbouring tiles share this part of a tile, so that a small face is whole in at least one. */
const TILE_OVERLAP = 0.2;
/** A face that touches a cut edge of its tile is a part of one; fraction of the tile. */
const TILE_EDGE = 0.01;
/** What is larger than this share of a tile was seen better in the whole picture. */
const TILE_MAX_SHARE = 0.5;

/** The parts in which small faces are looked for; none where a large face was found already. */
export function tilesOf(picture: Size, found: readonly Candidate[]): Area[] {
  const longer = Math.max(picture.width, picture.height);
  if (longer < TILED_MIN_PX) return [];
  if (found.some(({ width, score }) => width > PORTRAIT_SHARE * longer && score >= MIN_SCORE.near)) return [];
  const side = Math.min(
    Math.ceil(longer / (TILES_ACROSS - (TILES_ACROSS - 1) * TILE_OVERLAP)),
    Math.max(picture.width, picture.height),
  );
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

/** One list of faces, largest first, as fractions of the picture. What is no number or lies outside is dropped. */
export function bestOfBoth(
  picture: Size,
  near: readonly Candidate[],
  far: readonly Candidate[],
  tiled: readonly { tile: Area; found: readonly Candidate[] }[],
): Face[] {
  const longer = Math.max(picture.width, picture.height);
  const believed = (candidates: readonly Candidate[], least: number) =>
    candidates.filter(({ score, width }) => score >= least && width > 0).toSorted((a, b) => b.score - a.score);
  const large = believed(near, MIN_SCORE.near).filter(({ width }) => width >= NEAR_MIN_SHARE * longer);
  const whole = believed(far, MIN_SCORE.far);
  const small = tiled.flatMap(({ tile, found }) =>
    believed(found, MIN_SCORE.tile).filter((face) => wholeIn(face, tile, picture)),
  );
  const rest = believed(near, MIN_SCORE.near).filter(({ width }) => width < NEAR_MIN_SHARE * longer);
  const chosen: Candidate[] = [];
  for (const face of [...large, ...whole, ...small.toSorted((a, b) => b.score - a.score), ...rest])
    if (!chosen.some((other) => sameFace(face, other))) chosen.push(face);
  return chosen
    .toSorted((a, b) => b.width * b.height - a.width * a.height)
    .flatMap((face) => asFractions(face, picture));
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
  const across = Math.min(a.left + a.width, b.left + b.width) - Math.max(a.left, b.left);
  const down = Math.min(a.top + a.height, b.top + b.height) - Math.max(a.top, b.top);
  if (across <= 0 || down <= 0) return false;
  return across * down >= SAME_FACE * Math.min(a.width * a.height, b.width * b.height);
}

function asFractions(face: Candidate, { width, height }: Size): Face[] {
  const left = Math.max(0, face.left / width);
  const top = Math.max(0, face.top / height);
  const right = Math.min(1, (face.left + face.width) / width);
  const bottom = Math.min(1, (face.top + face.height) / height);
  const eyesY = Math.min(bottom, Math.max(top, face.eyesY / height));
  const said = [face.left, face.top, face.width, face.height, face.score, face.eyesY];
  const sound = said.every(Number.isFinite) && right > left && bottom > top;
  return sound ? [{ left, top, width: right - left, height: bottom - top, score: face.score, eyesY }] : [];
}
