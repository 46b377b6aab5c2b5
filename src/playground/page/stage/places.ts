import type { Json } from '../fields/field.ts';
import { within } from './numbers.ts';

export type Overlay = { readonly [name: string]: Json };
interface Size {
  readonly width: number;
  readonly height: number;
}

/** Parts of a position's name by column and by row. */
export const COLUMNS = ['west', '', 'east'] as const;
export const ROWS = ['north', '', 'south'] as const;
type Third = 0 | 1 | 2;

const MAX_OFFSET_PX = 4096;

export function placeOf({ position }: Overlay): { readonly column: Third; readonly row: Third } {
  const name = typeof position === 'string' ? position : 'southeast';
  return {
    column: name.endsWith('west') ? 0 : name.endsWith('east') ? 2 : 1,
    row: name.startsWith('north') ? 0 : name.startsWith('south') ? 2 : 1,
  };
}

/**
 * The corner, edge or middle of an overlay by which its position names it, in fractions of the canvas: as the server lays overlays,
 * `positionOf` in src/render/effects/overlay/overlay.ts. `unit`: pixels of the canvas for each of the preset.
 */
export function anchorOf(overlay: Overlay, canvas: Size, unit: number) {
  const { column, row } = placeOf(overlay);
  const { x = 0, y = 0 } = (typeof overlay.offset === 'object' ? overlay.offset : {}) as { x?: number; y?: number };
  const from = (side: Third, length: number, offset: number) =>
    side === 0 ? offset / length : side === 2 ? 1 - offset / length : 0.5 + offset / length;
  return { x: from(column, canvas.width || 1, x * unit), y: from(row, canvas.height || 1, y * unit) };
}

/** The same overlay with its anchor at this point: the position of the nearest third, and the offset from there. */
export function movedTo(
  overlay: Overlay,
  { x, y }: { readonly x: number; readonly y: number },
  canvas: Size,
  unit: number,
): Overlay {
  const third = (at: number): Third => (at < 1 / 3 ? 0 : at > 2 / 3 ? 2 : 1);
  const [column, row] = [third(x), third(y)];
  const pixels = (side: Third, at: number, length: number) => {
    const offset = Math.round(((side === 0 ? at : side === 2 ? 1 - at : at - 0.5) * length) / unit);
    return within(offset, -MAX_OFFSET_PX, MAX_OFFSET_PX);
  };
  const { tile: _, ...rest } = overlay;
  return {
    ...rest,
    position: `${ROWS[row]}${COLUMNS[column]}` || 'center',
    offset: { x: pixels(column, x, canvas.width), y: pixels(row, y, canvas.height) },
  };
}
