import type { Face, Probe } from './face.ts';

/**
 * From what two models say of a picture and its parts to its faces. Numbers in, numbers out; boxes in probe pixels.
 * The bounds are measured by bench/faces.ts, the figures stand in bench/results/.
 */

type Size = Pick<Probe, 'width' | 'height'>;

export interface Area extends Size {
  readonly left: number;
  readonly top: number;
}

export interface Candidate extends Area {
  readonly score: number;
  readonly eyesY: number;
}

/** A first look only suggests; from here on a second look at it is worth its time. */
const MIN_SUGGESTION = 0.4;
/** What the near model says of a large face needs no second look. */
const SURE = { score: 0.8, share: 0.15 };
/** What both models must say in the mean when they look closely. */
const MIN_CONFIRMED = 0.5;
/** How much of a face a close look shows, in faces. */
const CLOSE_UP = 2.2;
/** A face in the close-up is the suggested one from this intersection over union on. */
const SAME_IN_CLOSE_UP = 0.3;
/** Close looks at one picture; a crowd is framed by its surest. */
const MAX_SUGGESTIONS = 24;
/** Faces that share this much of the smaller one are the same face. */
const SAME_FACE = 0.4;
/** A picture with a face this large is of that face: nobody looks for small ones behind it. */
const PORTRAIT = { score: 0.7, share: 0.25 };
/** Below this many pixels on its longer side a picture gains nothing from being looked at in parts. */
const TILED_MIN_PX = 320;
const TILES_ACROSS = 3;
/** Neighbouring tiles share this part of a tile, so that a small face is whole in at least one. */
const TILE_OVERLAP = 0.25;
/** A face that touches a cut edge of its tile is a part of one; fraction of the tile. */
const TILE_EDGE = 0.01;
/** What is larger than this share of a tile was seen better in the whole picture. */
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
 * What the first looks suggest, each face once. `sure` needs no second look; `suggested` does, the likeliest first.
 * The near model draws large faces more exactly, so its boxes go before the far one's.
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

/** Where a close look shows a face with some air, inside the picture. Undefined for what is outside it. */
export function closeUpOf(face: Candidate, picture: Size): Area | undefined {
  const side = Math.round(CLOSE_UP * Math.max(face.width, face.height));
  const size = { width: Math.min(side, picture.width), height: Math.min(side, picture.height) };
  const start = (middle: number, length: number, whole: number) =>
    Math.max(0, Math.min(whole - length, Math.round(middle - length / 2)));
  const left = start(face.left + face.width / 2, size.width, picture.width);
  const top = start(face.top + face.height / 2, size.height, picture.height);
  return size.width > 0 && size.height > 0 ? { left, top, ...size } : undefined;
}

/** The face as the close look sees it; undefined when that does not bear the suggestion out. */
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

/** Largest first, as fractions of the picture. What lies outside is dropped or clipped. */
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

/** A box of numbers, as large as something. */
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

/** Pixels in both. */
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
