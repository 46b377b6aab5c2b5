import type { Box, Size } from '../../pixels.ts';
import { type ViewPlan, wholeSize } from './plan.ts';
import { inverse, turnedBox, turnedSize } from './view.ts';

/** How the window of a plan is read from an original: which part of it, to what size that is scaled, and what is cut from that. */
export interface Cut {
  /** In pixels of the upright original; undefined reads all of it. */
  readonly from: Box | undefined;
  readonly scaled: Size;
  /** The window in that, not turned yet. */
  readonly window: Box;
}

/** Up to here loaders shrink while they read, which they cannot do for a part of a picture. */
const SHRUNK_WHILE_LOADED = 0.5;
/** Pixels around a part that is enlarged, on which its edges depend. */
const KERNEL_REACH = 3;

/**
 * `whole`: all of the picture must be scaled, because its pixels are fewer than the original's. Else a part that is hardly scaled is
 * cut out before, so that no pixel of it moves, and of one that is enlarged only what is shown: the rest may be a thousand times larger.
 */
export function cutOf(view: ViewPlan, original: Size, whole: boolean): Cut {
  const { plan, region, turn } = view;
  const scaled = turnedSize(plan.scaled, turn);
  const window = turnedBox(plan.window, plan.scaled, inverse(turn));
  const by = { x: scaled.width / region.width, y: scaled.height / region.height };
  const most = Math.max(by.x, by.y);
  if (most > 1) return enlargedCut(region, window, by);
  if (!whole && most > SHRUNK_WHILE_LOADED) return { from: region, scaled, window };
  const all = wholeSize(view, original);
  const left = Math.min(Math.round(region.left * by.x), all.width - scaled.width) + window.left;
  const top = Math.min(Math.round(region.top * by.y), all.height - scaled.height) + window.top;
  return { from: undefined, scaled: all, window: { ...window, left, top } };
}

function enlargedCut(region: Box, window: Box, by: { readonly x: number; readonly y: number }): Cut {
  const across = part(window.left, window.width, by.x, region.width);
  const down = part(window.top, window.height, by.y, region.height);
  return {
    from: {
      left: region.left + across.start,
      top: region.top + down.start,
      width: across.length,
      height: down.length,
    },
    scaled: { width: across.scaled, height: down.scaled },
    window: { ...window, left: across.at, top: down.at },
  };
}

/** Along one side: first pixel and number of those that are read, to how many they are scaled, and where the window begins in these. */
function part(from: number, length: number, by: number, most: number) {
  const start = Math.max(0, Math.floor(from / by) - KERNEL_REACH);
  const end = Math.min(most, Math.ceil((from + length) / by) + KERNEL_REACH);
  const scaled = Math.max(length, Math.round((end - start) * by));
  const at = Math.min(scaled - length, Math.max(0, Math.round(from - start * by)));
  return { start, length: Math.max(1, end - start), scaled, at };
}
