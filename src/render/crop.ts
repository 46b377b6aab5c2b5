/**
 * Geometry only: numbers in, numbers out. All sizes are whole pixels of the upright picture.
 * Nothing is ever enlarged: when the original is too small, the whole plan shrinks and keeps the asked-for shape.
 */

export type Fit = 'cover' | 'contain' | 'fill' | 'inside' | 'outside';

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Box extends Size {
  readonly left: number;
  readonly top: number;
}

export interface CropRequest {
  /** Asked-for size; one of the two may be missing, then the original's shape decides. */
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly fit: Fit;
}

export interface CropPlan {
  /** The whole original is scaled to this size first. */
  readonly scaled: Size;
  /** What comes out. Smaller than `scaled`: a window is cut; larger: the picture stands on a background. */
  readonly output: Size;
}

/**
 * Largest picture made, in pixels and along one side. WebP ends at 16,383 and an encoder holds the picture about four
 * times, so 16 megapixels cost some 200 MB; larger requests are answered with the largest picture of the same shape.
 */
export const MAX_OUTPUT_PIXELS = 16_000_000;
export const MAX_OUTPUT_SIDE_PX = 8192;

export function planCrop(original: Size, request: CropRequest): CropPlan {
  const { fit } = request;
  const asked = complete(original, request);
  const across = asked.width / original.width;
  const down = asked.height / original.height;

  if (fit === 'inside' || fit === 'outside') {
    const output = shrunk(original, fit === 'inside' ? Math.min(across, down) : Math.max(across, down));
    return { scaled: output, output };
  }
  if (fit === 'fill') {
    // Each side may only shrink; the shape is the caller's, so both shrink together.
    const output = shrunk(asked, 1 / Math.max(across, down));
    return { scaled: output, output };
  }
  if (fit === 'contain') {
    const output = shrunk(asked, 1 / Math.min(across, down));
    const scale = Math.min(output.width / original.width, output.height / original.height);
    return { scaled: shrunk(original, scale), output };
  }
  const output = shrunk(asked, 1 / Math.max(across, down));
  const whole = shrunk(original, Math.max(output.width / original.width, output.height / original.height));
  // Rounding may leave the scaled picture a pixel short of the window that is cut from it.
  const scaled = { width: Math.max(whole.width, output.width), height: Math.max(whole.height, output.height) };
  return { scaled, output };
}

/** The window of `output` size in the middle of `scaled`. */
export function centredWindow({ scaled, output }: CropPlan): Box {
  return {
    left: Math.floor((scaled.width - output.width) / 2),
    top: Math.floor((scaled.height - output.height) / 2),
    ...output,
  };
}

function complete(original: Size, { width, height }: CropRequest): Size {
  if (width !== undefined && height !== undefined) return { width, height };
  if (width !== undefined) return { width, height: (width * original.height) / original.width };
  if (height !== undefined) return { width: (height * original.width) / original.height, height };
  return original;
}

/** Scaled by at most `scale`, never up, within the largest output; rounded once, so that the shape stays to the pixel. */
function shrunk({ width, height }: Size, scale: number): Size {
  const limit = Math.min(MAX_OUTPUT_SIDE_PX / Math.max(width, height), Math.sqrt(MAX_OUTPUT_PIXELS / (width * height)));
  const by = Math.min(1, scale, limit);
  return { width: Math.max(1, Math.round(width * by)), height: Math.max(1, Math.round(height * by)) };
}
