import type { Edit, FractionBox } from '../../render/recipe.ts';

/** What a shop says of one original, kept in its record until it is taken down. */
export interface ShopSays {
  /** Absent where it changes nothing; then no field of it is there. */
  readonly edit?: Edit | undefined;
  /** What the picture shows, for people who do not see it. */
  readonly alt?: string | undefined;
}

/** Each is covered in every rendition. */
export const MAX_REDACT_BOXES = 100;
/** Least side of a crop, as a fraction: 8 pixels of a photo of 8,000. */
export const MIN_CROP = 0.001;
/** Characters. */
export const MAX_ALT = 1000;
/** A sum of two decimal fractions may miss 1 in its last bits. */
const NOISE = 1e-9;

export function fitsInside({ x, y, width, height }: FractionBox): boolean {
  return x + width <= 1 + NOISE && y + height <= 1 + NOISE;
}

/** Undefined for an edit without a field, so that an original that was never edited and one that is no more are the same. */
export function nonEmpty(edit: Edit): Edit | undefined {
  const { redact, ...rest } = edit;
  const some = redact && redact.length > 0 ? { ...rest, redact } : rest;
  return Object.keys(some).length > 0 ? some : undefined;
}

/** Whether the shop covered a part of the original: then no picture that shows it is stored, a proxy image neither. */
export const isCovered = ({ edit }: ShopSays): boolean => edit?.redact !== undefined;

/**
 * What stays when other bytes are found under the id: crop, turn and alternative text are about another photo, but what was covered
 * stays covered. Many new bytes show the same picture (an origin that encodes each time, a bucket that is optimised), and a box too
 * many is seen and removed, one too few is not.
 */
export function ofOtherBytes({ edit }: ShopSays): ShopSays {
  return edit?.redact ? { edit: { redact: edit.redact } } : {};
}

/** Fields of a later version beside the known ones are let pass, and kept. */
export function isEdit(value: unknown): value is Edit {
  if (!isObject(value)) return false;
  const { rotate, flip, crop, focus, redact } = value;
  return (
    (rotate === undefined || [90, 180, 270].some((turn) => turn === rotate)) &&
    (flip === undefined || ['horizontal', 'vertical', 'both'].some((axis) => axis === flip)) &&
    (crop === undefined || isBox(crop)) &&
    (focus === undefined || (isObject(focus) && isFraction(focus.x) && isFraction(focus.y))) &&
    (redact === undefined || (Array.isArray(redact) && redact.length <= MAX_REDACT_BOXES && redact.every(isBox)))
  );
}

export const isAlt = (value: unknown): value is string => typeof value === 'string' && value.length <= MAX_ALT;

function isBox(value: unknown): value is FractionBox {
  if (!isObject(value)) return false;
  const { x, y, width, height } = value;
  if (!isFraction(x) || !isFraction(y) || !isFraction(width) || !isFraction(height)) return false;
  return width > 0 && height > 0 && fitsInside({ x, y, width, height });
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isFraction = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= 1;
