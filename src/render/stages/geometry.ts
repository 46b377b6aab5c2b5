/**
 * Geometry only: numbers in, numbers out. All sizes are in pixels of the picture as it is shown, rounded.
 * Nothing is enlarged unless the request says so: when the original is too small, the plan shrinks and keeps the requested shape.
 */

import type { Box, Size } from '../pixels.ts';
import type { Fit, Gravity } from '../recipe.ts';
import { type GreyPicture, windowOnDetail } from './detail-window.ts';
import type { FaceBox } from './face-boxes.ts';
import { windowOnFaces, zoomOn } from './face-window.ts';
import { type Padding, paddingOf, withoutPadding } from './view/padding.ts';
import { centred, compassOf, towards } from './view/places.ts';

export interface FrameRequest {
  /** In pixels; where one of the two is missing, the original's shape decides. */
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly fit: Fit;
  /** Fraction of the canvas on each side that stays empty; 0 to 0.4. */
  readonly margin: number;
  /** The picture is enlarged up to what the fit asks for. */
  readonly enlarge?: boolean;
  /** The canvas has the requested size, however small the picture is. */
  readonly extend?: boolean;
  /** Pixels that stay empty on each side, whole ones; outside of the margin. */
  readonly padding?: Padding | undefined;
  /** Points of the compass place the window in the picture, and the picture on its canvas; all others leave them in the middle. */
  readonly gravity?: Gravity;
}

/** How a picture is scaled, cropped and framed, in this order. */
export interface FramePlan {
  /** All of the picture is scaled to this size first. */
  readonly scaled: Size;
  /** The part that is then cut out. */
  readonly window: Box;
  /** The size of the rendition: of the window, or of a background around it. */
  readonly canvas: Size;
  /** Where the window is on the canvas. */
  readonly at: { readonly left: number; readonly top: number };
}

/**
 * The largest rendition: all frames together, and its longer side. WebP ends at 16,383 pixels a side, and an encoder holds the
 * picture about four times, so 16 megapixels cost some 200 MB. A larger request gets the largest picture of the same shape.
 */
export const MAX_OUTPUT_PIXELS = 16_000_000;
export const MAX_OUTPUT_SIDE_PX = 8192;

/** Whether a part of the picture falls outside the frame. */
export function cutsAway({ scaled, window }: FramePlan): boolean {
  return window.width < scaled.width || window.height < scaled.height;
}

/** Whether the window is in the middle of the picture, where `planFrame` puts it. */
export function isCentred({ scaled, window }: FramePlan): boolean {
  const { left, top } = centred(window, scaled);
  return window.left === left && window.top === top;
}

/** Whether faces could move the frame: it cuts something away, or may zoom in. */
export function dependsOnFaces(plan: FramePlan, picture: Size, faceZoom: number): boolean {
  return cutsAway(plan) || mostZoom(plan, picture, faceZoom) > 1;
}

/** The same plan with its window on the faces, zoomed in on them as far as `faceZoom` allows. */
export function windowToFaces(plan: FramePlan, faces: readonly FaceBox[], picture: Size, faceZoom: number): FramePlan {
  if (faces.length === 0) return plan;
  const scaled = zoomed(plan, picture, zoomOn(faces, plan.scaled, plan.window, mostZoom(plan, picture, faceZoom)));
  return { ...plan, scaled, window: windowOnFaces(faces, scaled, plan.window) };
}

/** The same plan with its window where there is detail, near where subjects are; for a picture without a known face. */
export function windowToDetail(plan: FramePlan, picture: GreyPicture): FramePlan {
  return { ...plan, window: windowOnDetail(picture, plan.scaled, plan.window) };
}

/** The size whose pixels serve any zoom and a detector input with this longer side; never larger than the picture. */
export function workingSize(plan: FramePlan, picture: Size, faceZoom: number, probeSide: number): Size {
  const nearest = zoomed(plan, picture, mostZoom(plan, picture, faceZoom));
  const probe = resized(picture, Math.min(1, probeSide / Math.max(picture.width, picture.height)));
  return probe.width > nearest.width && probe.height > nearest.height ? probe : nearest;
}

function mostZoom({ scaled }: FramePlan, picture: Size, faceZoom: number): number {
  return Math.max(1, Math.min(faceZoom, picture.width / scaled.width, picture.height / scaled.height));
}

function zoomed({ scaled }: FramePlan, picture: Size, zoom: number): Size {
  if (zoom === 1) return scaled;
  const { width, height } = resized(scaled, zoom);
  return {
    width: Math.max(scaled.width, Math.min(picture.width, width)),
    height: Math.max(scaled.height, Math.min(picture.height, height)),
  };
}

/**
 * Plans a rendition of a picture of this size: `canvas` is the size that it will have. The rule, for a request of W × H:
 * - `inside` and `outside` keep the picture's shape. Scaled to lie within W × H, or to cover it.
 * - `cover`, `contain`, `pad` and `fill` have the shape W : H. W × H itself where the picture is large enough, to cover it, to touch it
 *   on two sides (`contain`, `pad`), or to fill it on both; else the largest smaller size for which it is.
 * - `enlarge`: the picture counts as large enough. `extend`: the canvas is W × H, and the picture lies on it at its own size at most.
 * - `margin` and `padding` are within W × H, and shrink with it. `padding` is taken off first, the rest is planned with its margin.
 * - Above `MAX_OUTPUT_SIDE_PX` or, all `frames` together, `MAX_OUTPUT_PIXELS`: the largest size of the same shape.
 */
export function planFrame(picture: Size, request: FrameRequest, frames = 1): FramePlan {
  const padding = paddingOf(request);
  if (!padding) return planMargin(picture, request, frames);
  const inner = withoutPadding(request, padding);
  const plan = planMargin(picture, inner, frames);
  const by = shortfall(plan, picture, inner);
  const [left, top] = [Math.round(padding.left * by), Math.round(padding.top * by)];
  const [width, height] = [left + plan.canvas.width, top + plan.canvas.height];
  const follows = !request.extend && (request.fit === 'inside' || request.fit === 'outside');
  const asked = complete(picture, request);
  const canvas = follows
    ? { width: width + Math.round(padding.right * by), height: height + Math.round(padding.bottom * by) }
    : // The shape is the request's, whichever way each side is rounded.
      { width: Math.max(width, Math.round(asked.width * by)), height: Math.max(height, Math.round(asked.height * by)) };
  return { ...plan, canvas, at: { left: left + plan.at.left, top: top + plan.at.top } };
}

function planMargin(picture: Size, request: FrameRequest, frames: number): FramePlan {
  const inner = 1 - 2 * request.margin;
  const within = (length: number | undefined) => (length === undefined ? undefined : Math.max(1, length * inner));
  const innerRequest = { ...request, width: within(request.width), height: within(request.height) };
  const { scaled, frame } = planContent(picture, innerRequest, frames);
  const canvas = request.margin === 0 ? frame : resized(frame, 1 / inner);
  const size = { width: Math.min(scaled.width, frame.width), height: Math.min(scaled.height, frame.height) };
  const compass = compassOf(request.gravity);
  const window = { ...(compass ? towards(compass, size, scaled) : centred(size, scaled)), ...size };
  if (!compass) return { scaled, window, canvas, at: centred(size, canvas) };
  const [outer, at] = [centred(frame, canvas), towards(compass, size, frame)];
  return { scaled, window, canvas, at: { left: outer.left + at.left, top: outer.top + at.top } };
}

/** The size to which the picture is scaled, and that of the frame which it covers or is placed in. */
function planContent(picture: Size, request: FrameRequest, frames: number): { scaled: Size; frame: Size } {
  const { fit, enlarge = false } = request;
  const requested = complete(picture, request);
  const across = requested.width / picture.width;
  const down = requested.height / picture.height;
  const most = enlarge ? Number.POSITIVE_INFINITY : 1;

  if (request.extend) {
    const frame = shrunk(requested, 1, frames);
    return { scaled: fitted(picture, frame, fit === 'cover' ? Math.max : Math.min), frame };
  }
  if (fit === 'inside' || fit === 'outside') {
    const scaled = shrunk(picture, fit === 'inside' ? Math.min(across, down) : Math.max(across, down), frames, most);
    return { scaled, frame: scaled };
  }
  if (fit === 'fill') {
    // The shape is the request's and no side may grow, so both shrink together.
    const frame = shrunk(requested, enlarge ? 1 : 1 / Math.max(across, down), frames);
    return { scaled: frame, frame };
  }
  if (fit === 'contain' || fit === 'pad') {
    const frame = shrunk(requested, enlarge ? 1 : 1 / Math.min(across, down), frames);
    const scale = Math.min(frame.width / picture.width, frame.height / picture.height);
    return { scaled: shrunk(picture, scale, frames, most), frame };
  }
  const frame = shrunk(requested, enlarge ? 1 : 1 / Math.max(across, down), frames);
  return { scaled: covering(picture, frame, most), frame };
}

/** The size of a picture that covers a frame, where it may grow that far. */
function covering(picture: Size, frame: Size, most: number): Size {
  const scale = Math.max(frame.width / picture.width, frame.height / picture.height);
  const { width, height } = resized(picture, Math.min(most, scale));
  // Rounding may leave the scaled picture a pixel short of the window that is cut from it.
  return { width: Math.max(width, frame.width), height: Math.max(height, frame.height) };
}

/** The size of a picture within a frame, or covering it, at its own size at most. */
function fitted(picture: Size, frame: Size, which: typeof Math.max): Size {
  const scale = which(frame.width / picture.width, frame.height / picture.height);
  if (scale >= 1) return picture;
  return which === Math.max ? covering(picture, frame, 1) : resized(picture, scale);
}

/** By what factor a rendition is smaller than its request, because nothing is enlarged: 1 where it is not. */
export function shortfall({ scaled, canvas }: FramePlan, picture: Size, asked: FrameRequest): number {
  const request = asked.padding ? { ...asked, padding: undefined } : asked;
  const { fit, margin, extend } = request;
  const { width, height } = complete(picture, request);
  if (extend || (fit !== 'inside' && fit !== 'outside'))
    return Math.min(1, canvas.width / width, canvas.height / height);
  const inner = withoutPadding(asked, paddingOf(asked));
  const box = complete(picture, inner);
  const [across, down] = [box.width / picture.width, box.height / picture.height];
  const wanted = (fit === 'inside' ? Math.min(across, down) : Math.max(across, down)) * (1 - 2 * margin);
  return Math.min(1, Math.max(scaled.width / picture.width, scaled.height / picture.height) / wanted);
}

/** The same plan with its window in the middle of a point, as far as the picture allows. In fractions of the picture. */
export function windowToPoint(plan: FramePlan, { x, y }: { readonly x: number; readonly y: number }): FramePlan {
  const { scaled, window } = plan;
  const place = (at: number, length: number, part: number) =>
    Math.min(length - part, Math.max(0, Math.round(at * length - part / 2)));
  const [left, top] = [place(x, scaled.width, window.width), place(y, scaled.height, window.height)];
  return { ...plan, window: { ...window, left, top } };
}

function complete(original: Size, { width, height }: FrameRequest): Size {
  if (width !== undefined && height !== undefined) return { width, height };
  if (width !== undefined) return { width, height: (width * original.height) / original.width };
  if (height !== undefined) return { width: (height * original.width) / original.height, height };
  return original;
}

/** Scaled by at most `scale` and `most`, within the largest output; rounded once, so that the shape is exact to the pixel. */
function shrunk({ width, height }: Size, scale: number, frames: number, most = 1): Size {
  const pixels = MAX_OUTPUT_PIXELS / frames;
  const limit = Math.min(MAX_OUTPUT_SIDE_PX / Math.max(width, height), Math.sqrt(pixels / (width * height)));
  return resized({ width, height }, Math.min(most, scale, limit));
}

function resized({ width, height }: Size, by: number): Size {
  return { width: Math.max(1, Math.round(width * by)), height: Math.max(1, Math.round(height * by)) };
}
