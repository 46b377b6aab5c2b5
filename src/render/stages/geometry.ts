/**
 * Geometry only: numbers in, numbers out. All sizes are in pixels of the upright picture, rounded.
 * Nothing is ever enlarged: when the original is too small, the plan shrinks and keeps the requested shape.
 */

import type { Box, Size } from '../pixels.ts';
import type { Fit } from '../recipe.ts';
import { type GreyPicture, windowOnDetail } from './detail-window.ts';
import type { FaceBox } from './face-boxes.ts';
import { windowOnFaces, zoomOn } from './face-window.ts';

export interface FrameRequest {
  /** In pixels; where one of the two is missing, the original's shape decides. */
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly fit: Fit;
  /** Fraction of the canvas on each side that stays empty; 0 to 0.4. */
  readonly margin: number;
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

/** Plans a rendition of a picture of this size. The largest output is shared by all `frames`. */
export function planFrame(picture: Size, request: FrameRequest, frames = 1): FramePlan {
  const inner = 1 - 2 * request.margin;
  const within = (length: number | undefined) => (length === undefined ? undefined : Math.max(1, length * inner));
  const innerRequest = { ...request, width: within(request.width), height: within(request.height) };
  const { scaled, frame } = planContent(picture, innerRequest, frames);
  const canvas = request.margin === 0 ? frame : resized(frame, 1 / inner);
  const size = { width: Math.min(scaled.width, frame.width), height: Math.min(scaled.height, frame.height) };
  return { scaled, window: { ...centred(size, scaled), ...size }, canvas, at: centred(size, canvas) };
}

/** The size to which the picture is scaled, and that of the frame which it covers or is placed in. */
function planContent(picture: Size, request: FrameRequest, frames: number): { scaled: Size; frame: Size } {
  const { fit } = request;
  const requested = complete(picture, request);
  const across = requested.width / picture.width;
  const down = requested.height / picture.height;

  if (fit === 'inside' || fit === 'outside') {
    const scaled = shrunk(picture, fit === 'inside' ? Math.min(across, down) : Math.max(across, down), frames);
    return { scaled, frame: scaled };
  }
  if (fit === 'fill') {
    // The shape is the request's and no side may grow, so both shrink together.
    const frame = shrunk(requested, 1 / Math.max(across, down), frames);
    return { scaled: frame, frame };
  }
  if (fit === 'contain') {
    const frame = shrunk(requested, 1 / Math.min(across, down), frames);
    const scale = Math.min(frame.width / picture.width, frame.height / picture.height);
    return { scaled: shrunk(picture, scale, frames), frame };
  }
  const frame = shrunk(requested, 1 / Math.max(across, down), frames);
  const covering = resized(picture, Math.min(1, Math.max(frame.width / picture.width, frame.height / picture.height)));
  // Rounding may leave the scaled picture a pixel short of the window that is cut from it.
  const scaled = { width: Math.max(covering.width, frame.width), height: Math.max(covering.height, frame.height) };
  return { scaled, frame };
}

/** By what factor a rendition is smaller than its request, because nothing is enlarged: 1 where it is not. */
export function shortfall({ scaled, canvas }: FramePlan, picture: Size, request: FrameRequest): number {
  const { fit, margin } = request;
  const { width, height } = complete(picture, request);
  if (fit !== 'inside' && fit !== 'outside') return Math.min(1, canvas.width / width, canvas.height / height);
  const [across, down] = [width / picture.width, height / picture.height];
  const wanted = (fit === 'inside' ? Math.min(across, down) : Math.max(across, down)) * (1 - 2 * margin);
  return Math.min(1, Math.max(scaled.width / picture.width, scaled.height / picture.height) / wanted);
}

function centred(size: Size, outer: Size): { left: number; top: number } {
  return { left: Math.floor((outer.width - size.width) / 2), top: Math.floor((outer.height - size.height) / 2) };
}

function complete(original: Size, { width, height }: FrameRequest): Size {
  if (width !== undefined && height !== undefined) return { width, height };
  if (width !== undefined) return { width, height: (width * original.height) / original.width };
  if (height !== undefined) return { width: (height * original.width) / original.height, height };
  return original;
}

/** Scaled by at most `scale`, never up, within the largest output; rounded once, so that the shape is exact to the pixel. */
function shrunk({ width, height }: Size, scale: number, frames: number): Size {
  const pixels = MAX_OUTPUT_PIXELS / frames;
  const limit = Math.min(MAX_OUTPUT_SIDE_PX / Math.max(width, height), Math.sqrt(pixels / (width * height)));
  return resized({ width, height }, Math.min(1, scale, limit));
}

function resized({ width, height }: Size, by: number): Size {
  return { width: Math.max(1, Math.round(width * by)), height: Math.max(1, Math.round(height * by)) };
}
