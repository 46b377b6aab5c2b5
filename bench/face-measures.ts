/** What bench/faces.ts counts: which faces were found, and what a window shows of them. Numbers in, numbers out, in pixels of the photo. */

import type { Box, Size } from '../src/render/pixels.ts';
import { type Annotated, clipped } from './face-set.ts';

const MIN_IOU = 0.4;
/** Detectors draw faces differently, and a face that is to be ignored need only be touched in a good part. */
const MIN_IGNORED = 0.3;
/**
 * A head, hair to chin and ear to ear, in parts of its annotated face. Read off a ruler over 53 faces of ../shared/faces: hair ends
 * 0.26 of the box's height above it in the median (0.41 in one of ten), ears 0.09 of its width beside it, the chin at its bottom.
 */
const HEAD = { above: 0.3, beside: 0.1, below: 0 };
/** Hair ends no higher in nine of ten. A head that fits with so much is cut by the crop, and not by what its estimate is wrong by. */
export const MUCH_HAIR = 0.41;
/** Half a pixel of a thumb is rounding and no cut; in parts of the window's shorter side. */
const SLACK = 1 / 300;

export interface Matches {
  /** One entry an annotated face: its width in parts of the photo's, and whether it was found. */
  readonly pairs: readonly { readonly share: number; readonly hit: boolean }[];
  /** Found faces that are neither annotated nor to be ignored. */
  readonly falseFaces: number;
}

/** Annotated and found faces paired by the largest overlap first. */
export function match(photo: Annotated, found: readonly Box[]): Matches {
  const candidates = photo.faces
    .flatMap((face, index) => found.map((box, at) => ({ index, at, iou: overUnion(face, box) })))
    .filter((pair) => pair.iou >= MIN_IOU)
    .toSorted((a, b) => b.iou - a.iou);
  const [hits, used] = [new Set<number>(), new Set<number>()];
  for (const { index, at } of candidates) {
    if (hits.has(index) || used.has(at)) continue;
    hits.add(index);
    used.add(at);
  }
  const ignored = (box: Box) =>
    photo.ignore.some((other) => shared(box, other) >= MIN_IGNORED * Math.min(area(box), area(other)));
  return {
    pairs: photo.faces.map(({ width }, index) => ({ share: width / photo.width, hit: hits.has(index) })),
    falseFaces: found.filter((box, at) => !used.has(at) && !ignored(box)).length,
  };
}

/** The head around an annotated face, as far as the photo shows it. `above`: how much of it, in parts of the face's height. */
export function headOf(face: Box, photo: Size, above = HEAD.above): Box {
  const head = {
    left: face.left - HEAD.beside * face.width,
    top: face.top - above * face.height,
    width: (1 + 2 * HEAD.beside) * face.width,
    height: (1 + above + HEAD.below) * face.height,
  };
  return clipped(head, photo);
}

/** The faces in the window of this size that holds the most face; its edges lie at edges of faces or of the photo. */
export function bestHeld(faces: readonly Box[], { width, height }: Size, photo: Size): Box[] {
  const starts = (edges: number[], room: number) => [0, ...edges].map((edge) => Math.min(Math.max(0, edge), room));
  const across = starts(
    faces.map(({ left }) => left),
    photo.width - width,
  );
  const down = starts(
    faces.map(({ top }) => top),
    photo.height - height,
  );
  let best: Box[] = [];
  for (const left of across)
    for (const top of down) {
      const held = faces.filter((face) => holds({ left, top, width, height }, face));
      if (total(held) > total(best)) best = held;
    }
  return best;
}

export function holds(window: Box, box: Box): boolean {
  const slack = SLACK * Math.min(window.width, window.height);
  return (
    box.left >= window.left - slack &&
    box.top >= window.top - slack &&
    box.left + box.width <= window.left + window.width + slack &&
    box.top + box.height <= window.top + window.height + slack
  );
}

export function fits(box: Size, window: Size): boolean {
  return box.width <= window.width && box.height <= window.height;
}

/** How much a window shows of a box, in parts of what the best window of its size could. */
export function shownOfBest(window: Box, box: Box): number {
  return shared(window, box) / (Math.min(window.width, box.width) * Math.min(window.height, box.height));
}

export function largest(faces: readonly Box[]): Box | undefined {
  return faces.toSorted((a, b) => area(b) - area(a))[0];
}

function area({ width, height }: Size): number {
  return width * height;
}

function total(boxes: readonly Size[]): number {
  return boxes.reduce((sum, box) => sum + area(box), 0);
}

/** Pixels in the intersection. */
function shared(a: Box, b: Box): number {
  const across = Math.min(a.left + a.width, b.left + b.width) - Math.max(a.left, b.left);
  const down = Math.min(a.top + a.height, b.top + b.height) - Math.max(a.top, b.top);
  return across <= 0 || down <= 0 ? 0 : across * down;
}

function overUnion(a: Box, b: Box): number {
  const both = shared(a, b);
  return both / (area(a) + area(b) - both);
}
