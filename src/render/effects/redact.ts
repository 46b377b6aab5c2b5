import type { Face } from '../../faces/face.ts';
import { refuse } from '../formats/header.ts';
import type { Box, Pixels, Size } from '../pixels.ts';
import type { Recipe } from '../recipe.ts';
import type { SharpModule } from '../sharp.ts';
import { wholeHead } from '../stages/face-boxes.ts';
import { paintFor } from './colour/paint.ts';
import type { Cover } from './effects.ts';
import type { Placement } from './placement.ts';

/** A part of the upright original, in fractions of it, that may reach beyond its edges. */
export interface CoveredPart {
  readonly box: Box;
  readonly style: Cover;
}

/**
 * Of boxes without a style, and of all boxes of an edit: nothing of what lies below is left. From a blur, and from squares too, a
 * number plate can be read again, because there are few plates to compare with.
 */
export const SOLID: Cover = '#000000';
/** Of a part that is not covered in a colour so many samples are left along its longer side, at every size of the rendition. */
const SAMPLES = 6;
/** Scaling down mixes a pixel with its neighbours up to this distance (Lanczos, three lobes, and one by rounding); that much around a part is covered too. */
const SPREAD_PX = 4;
/** The same of scaling up, in pixels of the original: two of Catmull-Rom's from the middle of one that is covered in part. */
const ENLARGED_SPREAD = 2.5;

/** What a rendition covers: by the recipe, and solid and on top of that by the shop's edit. */
export function coversOf({ effects, edit }: Pick<Recipe, 'effects' | 'edit'>, faces: readonly Face[]): CoveredPart[] {
  const { faces: ofFaces = SOLID, boxes = [], style = SOLID } = effects?.redact ?? {};
  return [
    ...faces.map((face) => ({ box: wholeHead(face), style: ofFaces })),
    ...boxes.map((box) => ({ box, style })),
    ...(edit?.redact ?? []).map(({ x, y, width, height }) => ({
      box: { left: x, top: y, width, height },
      style: SOLID,
    })),
  ];
}

/** Covers these parts in all frames, and alpha with them, because letters may be cut out of it. */
export async function applyRedact(
  sharp: SharpModule,
  pixels: Pixels,
  parts: readonly CoveredPart[],
  placement: Placement,
): Promise<Pixels> {
  if (parts.length === 0) return pixels;
  const spread = { x: spreadOf(placement.scale.across), y: spreadOf(placement.scale.down) };
  const picture = outward(placement.onCanvas({ left: 0, top: 0, width: 1, height: 1 }), NO_SPREAD, pixels);
  const placed = parts
    .map(({ box, style }) => ({ whole: placement.onCanvas(box), style }))
    .map(({ whole, style }) => ({ whole, style, box: within(outward(whole, spread, pixels), picture) }))
    .filter(({ box }) => box.width > 0 && box.height > 0);
  if (placed.length === 0) return pixels;
  const covered = { ...pixels, data: Buffer.allocUnsafeSlow(pixels.data.length) };
  pixels.data.copy(covered.data);
  for (const { whole, style, box } of placed)
    if (style === 'blur' || style === 'pixelate') await sample(sharp, covered, box, samplesOf(whole, box), style);
  const colours = Map.groupBy(placed, ({ style }) => style);
  for (const [style, group] of colours)
    if (style !== 'blur' && style !== 'pixelate')
      fill(
        covered,
        group.map(({ box }) => box),
        style,
      );
  return covered;
}

interface Spread {
  readonly x: number;
  readonly y: number;
}

const NO_SPREAD: Spread = { x: 0, y: 0 };
const spreadOf = (scale: number) => Math.max(SPREAD_PX, Math.ceil(ENLARGED_SPREAD * scale));

/** Whole pixels around a box, and `spread` more, as far as the canvas goes. */
function outward({ left, top, width, height }: Box, spread: Spread, canvas: Size): Box {
  const x = clamp(Math.floor(left) - spread.x, canvas.width);
  const y = clamp(Math.floor(top) - spread.y, canvas.height);
  const right = clamp(Math.ceil(left + width) + spread.x, canvas.width);
  const bottom = clamp(Math.ceil(top + height) + spread.y, canvas.height);
  return { left: x, top: y, width: right - x, height: bottom - y };
}

const clamp = (at: number, most: number) => Math.max(0, Math.min(most, at));

function within(box: Box, outer: Box): Box {
  const left = Math.max(box.left, outer.left);
  const top = Math.max(box.top, outer.top);
  const right = Math.min(box.left + box.width, outer.left + outer.width);
  const bottom = Math.min(box.top + box.height, outer.top + outer.height);
  return { left, top, width: right - left, height: bottom - top };
}

/** How many samples the visible box of a part gets: of a part that is cut off, fewer. */
function samplesOf(whole: Box, box: Box): Size {
  const each = Math.max(whole.width, whole.height) / SAMPLES;
  const along = (length: number) => Math.max(1, Math.min(length, SAMPLES, Math.round(length / each)));
  return { width: along(box.width), height: along(box.height) };
}

/** Leaves a few samples of a box, in each frame. */
async function sample(
  sharp: SharpModule,
  { data, width, height, channels, frames }: Pixels,
  box: Box,
  samples: Size,
  style: 'blur' | 'pixelate',
): Promise<void> {
  for (let frame = 0; frame < frames; frame += 1) {
    const bytes = width * height * channels;
    const picture = sharp(data.subarray(frame * bytes, (frame + 1) * bytes), { raw: { width, height, channels } });
    const few = await picture
      .extract(box)
      .resize({ ...samples, fit: 'fill', kernel: 'linear' })
      .raw()
      .toBuffer()
      .catch(refuse);
    const shown = await sharp(few, { raw: { ...samples, channels } })
      .resize({
        ...{ width: box.width, height: box.height, fit: 'fill' },
        kernel: style === 'blur' ? 'cubic' : 'nearest',
      })
      .raw()
      .toBuffer()
      .catch(refuse);
    for (let row = 0; row < box.height; row += 1) {
      const at = frame * bytes + ((box.top + row) * width + box.left) * channels;
      data.set(shown.subarray(row * box.width * channels, (row + 1) * box.width * channels), at);
    }
  }
}

/** Fills boxes with a colour in each frame, every pixel once however many boxes it lies in. */
function fill(pixels: Pixels, boxes: readonly Box[], colour: string): void {
  const { data, width, height, channels, frames } = pixels;
  const rgb = Buffer.from(paintFor(pixels, colour).map(Math.round));
  const line = Buffer.alloc(width * channels, channels === 4 ? Buffer.concat([rgb, Buffer.of(255)]) : rgb);
  const sorted = boxes.toSorted((a, b) => a.left - b.left);
  for (let y = 0; y < height; y += 1) {
    let done = 0;
    for (const box of sorted) {
      const right = box.left + box.width;
      if (y < box.top || y >= box.top + box.height || right <= done) continue;
      const from = Math.max(done, box.left);
      for (let frame = 0; frame < frames; frame += 1)
        data.set(line.subarray(from * channels, right * channels), ((frame * height + y) * width + from) * channels);
      done = right;
    }
  }
}
