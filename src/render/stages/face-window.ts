import type { Box, Size } from '../pixels.ts';
import { type FaceBox, groupOf, type PlacedFace, placeFaces } from './face-boxes.ts';

/**
 * Places the window of a cover crop: pure geometry from faces to a rectangle, in pixels of the scaled, upright picture. The
 * same input always gives the same window.
 *
 * Where a face of the group (see face-boxes.ts) can be whole, the window holds that of the most weight, if that can be, and as much
 * of the group as any could beside it; of such windows, that of the most worth wins. Else the window shows as much as it can of the
 * face of the most weight, its eyes first. One that is larger than the window is left out for no smaller one that could be whole.
 */

/** Worth of a face that is whole, whole with what its box may miss, with all of its head too, and of one that is cut; in parts of its weight. */
const WORTH = { face: 1, front: 0.3, head: 0.4, cut: -0.2 };
/** What a window loses by lying one of its own sides away from the ideal, in parts of the largest weight; the first part is free. */
const DRIFT = { worth: 0.6, free: 0.2 };
/** So much of a face that is larger than the window stays in view beside smaller ones that are whole, in parts of it. */
const LEAST_SHOWN = 0.2;
/** Distance of the eyes from the window's top, as a fraction of it, where there is room. */
const EYES_AT = 1 / 3;
/** Air above a head, in parts of its height, where there is room. */
const AIR = 0.12;
/** The part of scarce room that goes above heads. */
const ABOVE = 0.8;
/** A zoomed face takes at most this part of the window's shorter side, and the heads of a group this part of the window. */
const ZOOMED = { face: 0.55, group: 0.9 };

type Position = readonly [left: number, top: number];

/** The factor by which a crop zooms in on the largest face and its equals: 1 to `most`. */
export function zoomOn(faces: readonly FaceBox[], scaled: Size, window: Size, most: number): number {
  const placed = placeFaces(faces, scaled);
  const largest = placed[0];
  if (!largest || most <= 1) return 1;
  const around = union(groupOf(placed).map(({ head }) => head));
  const side = Math.min(window.width, window.height);
  const byFace = (ZOOMED.face * side) / Math.max(largest.face.width, largest.face.height);
  const byGroup = ZOOMED.group * Math.min(window.width / around.width, window.height / around.height);
  return Math.max(1, Math.min(most, byFace, byGroup));
}

/** Where a window of this size goes in a picture with at least one face. */
export function windowOnFaces(faces: readonly FaceBox[], scaled: Size, window: Size): Box {
  const room = { width: scaled.width - window.width, height: scaled.height - window.height };
  const placed = placeFaces(faces, scaled);
  const group = groupOf(placed).filter(({ face }) => fits(face, window));
  const at = ([left, top]: Position): Box => ({ left, top, width: window.width, height: window.height });
  if (group.length === 0) return at(onTheLargest(placed, room, window));

  // First choose what to keep, then place it: the ideal position depends on which faces are whole.
  // A fixed part of the face, not of what could be shown of it: else a larger window might hold fewer faces.
  const showsFirst = (box: Box) =>
    placed.slice(0, 1).every(({ face }) => shareInside(box, face) >= (fits(face, window) ? 1 : LEAST_SHOWN));
  const heldBy = (box: Box) =>
    showsFirst(box) ? sum(group, ({ face, weight }) => (contains(box, face) ? weight : 0)) : 0;
  const first = best(positions(placed, room, window), (position) => {
    const box = at(position);
    return [heldBy(box), worth(placed, box)];
  });
  if (heldBy(at(first)) === 0) return at(onTheLargest(placed, room, window));
  const kept = placed.filter(({ face }) => contains(at(first), face));
  const ideal = idealFor(groupOf(kept), room, window);
  const dear = kept[0]?.weight ?? 0;
  const second = best(positions(placed, room, window, aroundIdeal(ideal, window)), (position) => {
    const box = at(position);
    const drift = dear * driftFrom(ideal, position, window);
    return [heldBy(box), worth(placed, box) - drift, ...nearness(ideal, position, room)];
  });
  return at(second);
}

/** The position that shows the most of the face of the most weight: its eyes before the rest of it, that before its hair. */
function onTheLargest(placed: readonly PlacedFace[], room: Size, window: Size): Position {
  const largest = placed.slice(0, 1);
  const ideal = idealFor(largest, room, window);
  return best(positions(placed, room, window, [ideal]), ([left, top]) => {
    const box = { left, top, ...window };
    const shown = (part: 'eyes' | 'face') => sum(largest, (face) => shareInside(box, face[part]));
    return [shown('eyes'), shown('face'), worth(placed, box), ...nearness(ideal, [left, top], room)];
  });
}

/** What a window is worth by the faces that it holds whole or cuts. */
function worth(placed: readonly PlacedFace[], window: Box): number {
  return sum(placed, ({ face, front, head, weight }) => {
    const share = shareInside(window, face);
    if (share < 1) return share > 0 ? WORTH.cut * weight : 0;
    const more = (contains(window, front) ? WORTH.front : 0) + (contains(window, head) ? WORTH.head : 0);
    return (WORTH.face + more) * weight;
  });
}

/** The best position without limits: faces in the middle across, eyes at the upper third, heads whole with air above them. */
function idealFor(subject: readonly PlacedFace[], free: Size, window: Size): Position {
  const faces = union(subject.map(({ face }) => face));
  const heads = union(subject.map(({ head }) => head));
  const eyesY = sum(subject, ({ weight, eyesY }) => weight * eyesY) / sum(subject, ({ weight }) => weight);
  const air = AIR * Math.max(...subject.map(({ head }) => head.height));
  const spare = window.height - heads.height;
  const room = window.height - faces.height;
  const [chins, necks] = [faces.top + faces.height, heads.top + heads.height];
  let top = eyesY - EYES_AT * window.height;
  if (spare >= 0) top = Math.min(top, heads.top - Math.min(air, ABOVE * spare));
  else if (room >= 0) top = chins + Math.min(necks - chins, room / 2) - window.height;
  // A chin lies where it was found more surely than a forehead does.
  else top = Math.min(top, chins - window.height);
  return [
    clamp(roundedIn(faces.left + faces.width / 2 - window.width / 2, free.width), free.width),
    clamp(Math.round(top), free.height),
  ];
}

/** The ideal and the ends of the way from it that costs nothing. */
function aroundIdeal([left, top]: Position, { width, height }: Size): Position[] {
  const [across, down] = [Math.floor(DRIFT.free * width), Math.floor(DRIFT.free * height)];
  return [
    [left, top],
    [left - across, top - down],
    [left + across, top + down],
  ];
}

function driftFrom(ideal: Position, [left, top]: Position, { width, height }: Size): number {
  const beyond = (distance: number) => Math.max(0, distance - DRIFT.free);
  return DRIFT.worth * (beyond(Math.abs(left - ideal[0]) / width) + beyond(Math.abs(top - ideal[1]) / height));
}

/** Ranks of equally good positions: nearer the ideal, then nearer the middle, so that a mirrored picture gets the mirrored window. */
function nearness(ideal: Position, [left, top]: Position, room: Size): number[] {
  return [-Math.abs(left - ideal[0]) - Math.abs(top - ideal[1]), -Math.abs(2 * left - room.width)];
}

/** All positions where the rank can change: an edge of the window at an edge of a box, the ends, the middle and `more`. */
function positions(
  placed: readonly PlacedFace[],
  room: Size,
  window: Size,
  more: readonly Position[] = [],
): Position[] {
  const group = groupOf(placed);
  const companions = placed.filter((one) => !group.includes(one)).flatMap(({ face, head }) => [face, head]);
  const boxes = [...stopsOf(group, window), ...companions];
  const along = (length: number, edges: number[]) => [
    ...new Set([roundedIn(length / 2, length), 0, length, ...edges.map((edge) => clamp(edge, length))]),
  ];
  const across = along(room.width, [
    ...more.map(([left]) => left),
    ...boxes.flatMap(({ left, width }) => [left, left + width, left + width - window.width, left - window.width]),
  ]);
  const down = along(room.height, [
    ...more.map(([, top]) => top),
    ...boxes.flatMap(({ top, height }) => [top, top + height, top + height - window.height, top - window.height]),
  ]);
  return across.flatMap((x) => down.map((y): Position => [x, y]));
}

/** The boxes of a group at whose edges the rank can change: those around all of it where it fits, because the work grows fast. */
function stopsOf(group: readonly PlacedFace[], window: Size): Box[] {
  const [faces, fronts, heads] = [
    group.map(({ face }) => face),
    group.map(({ front }) => front),
    group.map(({ head }) => head),
  ];
  if (fits(union(heads), window)) return [union(faces), union(fronts), union(heads)];
  return [...group.map(({ eyes }) => eyes), ...faces, ...fronts, ...heads];
}

/** The first position of the highest rank; ranks are compared number by number. */
function best(candidates: readonly Position[], rank: (position: Position) => number[]): Position {
  let winner: Position = candidates[0] ?? [0, 0];
  let highest: number[] | undefined;
  for (const candidate of candidates) {
    const own = rank(candidate);
    if (!highest || firstDifference(own, highest) > 0) [winner, highest] = [candidate, own];
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

function fits(box: Size, window: Size): boolean {
  return box.width <= window.width && box.height <= window.height;
}

function contains(outer: Box, inner: Box): boolean {
  return shareInside(outer, inner) === 1;
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

/** Rounded, halves towards the middle of `length`: a mirrored position is rounded to the mirrored number. */
function roundedIn(value: number, length: number): number {
  return 2 * value <= length ? Math.ceil(value - 0.5) : Math.floor(value + 0.5);
}

function clamp(value: number, most: number): number {
  return Math.min(most, Math.max(0, value));
}

function sum<T>(values: readonly T[], of: (value: T) => number): number {
  return values.reduce((total, value) => total + of(value), 0);
}
