import type { Box, Size } from '../pixels.ts';

/** Longer side of the small copy in which borders are found; one of its pixels is the precision of the cut. */
export const PROBE_SIZE_PX = 512;

/**
 * The box that a uniform border surrounds, in pixels of the upright original; undefined without a border. The outermost ring
 * must have one colour all round within `tolerance` (of 255 a channel): a photo whose sky reaches three of its edges has no
 * border. `probe` is RGBA, a small copy of all of the original.
 */
export function uniformBorder(
  probe: Buffer,
  { width, height }: Size,
  original: Size,
  tolerance: number,
): Box | undefined {
  const differs = (x: number, y: number) => {
    const at = (y * width + x) * 4;
    const alpha = probe[at + 3] ?? 0;
    const cornerAlpha = probe[3] ?? 0;
    if (Math.abs(alpha - cornerAlpha) > tolerance) return true;
    // Fully transparent pixels have no visible colour.
    if (alpha === 0 && cornerAlpha === 0) return false;
    return [0, 1, 2].some((channel) => Math.abs((probe[at + channel] ?? 0) - (probe[channel] ?? 0)) > tolerance);
  };
  const rowDiffers = (y: number) => someBelow(width, (x) => differs(x, y));
  const columnDiffers = (x: number) => someBelow(height, (y) => differs(x, y));
  if (rowDiffers(0) || rowDiffers(height - 1) || columnDiffers(0) || columnDiffers(width - 1)) return undefined;

  const top = firstBelow(height, rowDiffers);
  // The picture has one colour everywhere.
  if (top === undefined) return undefined;
  const bottom = firstBelow(height, (y) => rowDiffers(height - 1 - y)) ?? 0;
  const left = firstBelow(width, columnDiffers) ?? 0;
  const right = firstBelow(width, (x) => columnDiffers(width - 1 - x)) ?? 0;
  return enlarged(
    { left, top, width: width - left - right, height: height - top - bottom },
    { width, height },
    original,
  );
}

/** From probe pixels to original pixels, one probe pixel wider on each side, so that a soft edge is not cut. */
function enlarged(box: Box, probe: Size, original: Size): Box {
  const across = original.width / probe.width;
  const down = original.height / probe.height;
  const left = Math.max(0, Math.floor((box.left - 1) * across));
  const top = Math.max(0, Math.floor((box.top - 1) * down));
  const right = Math.min(original.width, Math.ceil((box.left + box.width + 1) * across));
  const bottom = Math.min(original.height, Math.ceil((box.top + box.height + 1) * down));
  return { left, top, width: right - left, height: bottom - top };
}

function someBelow(limit: number, holds: (index: number) => boolean): boolean {
  return firstBelow(limit, holds) !== undefined;
}

function firstBelow(limit: number, holds: (index: number) => boolean): number | undefined {
  for (let index = 0; index < limit; index += 1) if (holds(index)) return index;
  return undefined;
}
