import { EVERY_RENDER, estimateDecode, estimateRender } from '../cost-estimate.ts';
import type { PictureSource } from '../picture-source.ts';
import type { Recipe } from '../recipe.ts';
import { planView } from '../stages/view/plan.ts';

/** What the engine and its encoders hold for each pixel of a rendition, beside the planes of which they make it. */
const WRITING_BYTES = 8;
/** A row of MCUs, rows on their way, and libjpeg itself. */
const READING_BYTES = 2 * 1024 * 1024;

/** How many bytes of planes a render by the engine may hold within what is counted for it: the engine needs less of that than sharp. */
export function bytesToHold(source: Pick<PictureSource, 'header'>, recipe: Recipe): number {
  const { canvas } = planView(source.header.size, recipe, 1).plan;
  const written = WRITING_BYTES * canvas.width * canvas.height;
  // libjpeg's memory, above all that of files in passes, is freed before anything is written.
  const decoded = estimateDecode(source.header, 1).bytes - EVERY_RENDER.bytes;
  return Math.max(0, estimateRender(source, recipe).bytes - READING_BYTES - Math.max(written, decoded));
}
