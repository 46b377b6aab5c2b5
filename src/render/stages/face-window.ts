import type { Box, Size } from '../pixels.ts';

/**
 * Places the window of a cover crop: pure geometry from faces to a rectangle, in pixels of the scaled, upright picture. The
 * same input always gives the same window.
 */

/** A face in fractions (0 to 1) of the upright picture. */
export interface FaceBox {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** 0 to 1. */
  readonly score: number;
  /** Vertical position of the eyes, 0 at the top of the picture. */
  readonly eyesY: number;
}

/** A detector's box reaches from the brows to the chin; a head with hair and some air, in parts of that box. */
const HEAD = { above: 0.5, below: 0.2, beside: 0.2 };
/** Distance of the eyes from the window's top, as a fraction of it, where there is room. */
const EYES_AT = 1 / 3;
/** A zoomed face takes at most this part of the window's shorter side. */
const ZOOMED_FACE_SHARE = 0.45;
/** A zoom keeps faces that are at least this wide beside the largest one, and may leave smaller ones out. */
const GROUP_SHARE = 0.5;
/** The work grows with the cube of the faces; a crowd is framed by its largest. */
const MAX_FACES = 24;

interface Placed {
  readonly face: Box;
  readonly head: Box;
  readonly eyesY: number;
  readonly weight: number;
}

/** The factor by which a crop zooms in on the largest face and those of about its size: 1 to `most`. */
export function zoomOn(faces: readonly FaceBox[], scaled: Size, window: Size, most: number): number {
  const placed = place(faces, scaled);
  const largest = placed[0];
  if (!largest || most <= 1) return 1;
  const group = placed.filter(({ face }) => face.width >= GROUP_SHARE * largest.face.width);
  const around = union(group.map(({ head }) => head));
  const side = Math.min(window.width, window.height);
  const byFace = (ZOOMED_FACE_SHARE * side) / Math.max(largest.face.width, largest.face.height);
  const byGroup = Math.min(window.width / around.width, window.height / around.height);
  return Math.max(1, Math.min(most, byFace, byGroup));
}

/** Where a window of this size goes in a picture with at least one face. */
export function windowOnFaces(faces: readonly FaceBox[], scaled: Size, window: Size): Box {
  const room = { width: scaled.width - window.width, height: scaled.height - window.height };
  const placed = place(faces, scaled);
  const { width, height } = window;
  const at = ([left, top]: readonly [number, number]): Box => ({ left, top, width, height });
  const stops = placed.flatMap(({ face, head }) => [face, head]);

  // First choose the faces to keep: all if they fit, else those of the most weight, cutting as little as possible.
  const first = best(positions(stops, room, window), (position) => {
    const box = at(position);
    return [
      sum(placed, ({ face, weight }) => (contains(box, face) ? weight : 0)),
      -sum(placed, ({ face, weight }) => (cuts(box, face) ? weight : 0)),
      sum(placed, ({ face, weight }) => weight * shareInside(box, face)),
    ];
  });
  const kept = placed.filter(({ face }) => contains(at(first), face));
  const subject = kept.length > 0 ? kept : placed.filter(({ face }) => shareInside(at(first), face) > 0).slice(0, 1);
  const ideal = idealFor(subject, room, window);

  // Then place them: heads inside, no other face cut, eyes near the upper third.
  const candidates = positions([...stops, ...subject.map(({ head }) => head)], room, window, ideal);
  const second = best(candidates, (position) => {
    const box = at(position);
    return [
      sum(placed, ({ face, weight }) => (contains(box, face) ? weight : 0)),
      -sum(placed, ({ face, weight }) => (cuts(box, face) && !subject.some((own) => own.face === face) ? weight : 0)),
      kept.length > 0 ? 0 : sum(subject, ({ face }) => Math.round(20 * shareInside(box, face))),
      sum(subject, ({ head, weight }) => (contains(box, head) ? weight : 0)),
      -Math.abs(position[0] - ideal[0]) - Math.abs(position[1] - ideal[1]),
    ];
  });
  return at(second);
}

/** Faces in pixels, rounded outward so that a face counted as inside really is; the largest first. */
function place(faces: readonly FaceBox[], { width, height }: Size): Placed[] {
  const within = (left: number, top: number, right: number, bottom: number): Box => {
    const x = Math.max(0, Math.floor(left));
    const y = Math.max(0, Math.floor(top));
    return {
      left: x,
      top: y,
      width: Math.min(width, Math.ceil(right)) - x,
      height: Math.min(height, Math.ceil(bottom)) - y,
    };
  };
  return faces
    .map((face) => {
      const [left, top] = [face.left * width, face.top * height];
      const [across, down] = [face.width * width, face.height * height];
      return {
        face: within(left, top, left + across, top + down),
        head: within(
          left - HEAD.beside * across,
          top - HEAD.above * down,
          left + (1 + HEAD.beside) * across,
          top + (1 + HEAD.below) * down,
        ),
        eyesY: face.eyesY * height,
        weight: across * down * face.score,
      };
    })
    .filter(({ face }) => face.width > 0 && face.height > 0)
    .toSorted((a, b) => b.weight - a.weight || a.face.left - b.face.left || a.face.top - b.face.top)
    .slice(0, MAX_FACES);
}

/** The best position without limits: faces in the middle across, eyes at the upper third. */
function idealFor(subject: readonly Placed[], room: Size, window: Size): [number, number] {
  if (subject.length === 0) return [Math.floor(room.width / 2), Math.floor(room.height / 2)];
  const around = union(subject.map(({ face }) => face));
  const weight = sum(subject, (one) => one.weight);
  const eyes = sum(subject, (one) => one.weight * one.eyesY) / weight;
  return [
    clamp(Math.round(around.left + around.width / 2 - window.width / 2), room.width),
    clamp(Math.round(eyes - EYES_AT * window.height), room.height),
  ];
}

/** All positions where the rank can change: an edge of the window at an edge of a box, the ends, and the ideal. */
function positions(
  boxes: readonly Box[],
  room: Size,
  window: Size,
  ideal: readonly [number, number] = [Math.floor(room.width / 2), Math.floor(room.height / 2)],
): [number, number][] {
  const along = (length: number, preferred: number, edges: number[]) =>
    length === 0 ? [0] : [...new Set([preferred, 0, length, ...edges.map((edge) => clamp(edge, length))])];
  const across = along(
    room.width,
    ideal[0],
    boxes.flatMap(({ left, width }) => [left, left + width, left + width - window.width, left - window.width]),
  );
  const down = along(
    room.height,
    ideal[1],
    boxes.flatMap(({ top, height }) => [top, top + height, top + height - window.height, top - window.height]),
  );
  return across.flatMap((x) => down.map((y): [number, number] => [x, y]));
}

/** The first position of the highest rank; ranks are compared number by number. */
function best(candidates: readonly [number, number][], rank: (position: [number, number]) => number[]) {
  let winner = candidates[0] ?? [0, 0];
  let highest: number[] | undefined;
  for (const candidate of candidates) {
    const own = rank(candidate);
    const difference = highest ? firstDifference(own, highest) : 1;
    if (difference > 0) [winner, highest] = [candidate, own];
  }
  return winner;
}

function firstDifference(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const difference = value - (b[index] ?? 0);
    // Sums of the same weights in another order may differ in the last bits.
    if (Math.abs(difference) > 1e-9 * Math.max(1, Math.abs(value))) return difference;
  }
  return 0;
}

function contains(outer: Box, inner: Box): boolean {
  return shareInside(outer, inner) === 1;
}

function cuts(window: Box, box: Box): boolean {
  const share = shareInside(window, box);
  return share > 0 && share < 1;
}

function shareInside(outer: Box, inner: Box): number {
  const across = Math.min(outer.left + outer.width, inner.left + inner.width) - Math.max(outer.left, inner.left);
  const down = Math.min(outer.top + outer.height, inner.top + inner.height) - Math.max(outer.top, inner.top);
  return across <= 0 || down <= 0 ? 0 : (across * down) / (inner.width * inner.height);
}

function union(boxes: readonly Box[]): Box {
  const left = Math.min(...boxes.map((box) => box.left));
  const top = Math.min(...boxes.map((box) => box.top));
  const right = Math.max(...boxes.map((box) => box.left + box.width));
  const bottom = Math.max(...boxes.map((box) => box.top + box.height));
  return { left, top, width: right - left, height: bottom - top };
}

function clamp(value: number, most: number): number {
  return Math.min(most, Math.max(0, value));
}

function sum<T>(values: readonly T[], of: (value: T) => number): number {
  return values.reduce((total, value) => total + of(value), 0);
}
