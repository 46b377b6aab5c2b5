import { hexIn } from '../formats/colour/display-p3.ts';
import type { PictureHeader } from '../picture-source.ts';
import { type Pixels, type Size, sizeWithin } from '../pixels.ts';
import type { Recipe } from '../recipe.ts';
import type { SharpModule } from '../sharp.ts';
import { defaultBackground } from '../stages/decode.ts';
import type { FramePlan } from '../stages/geometry.ts';
import { eachFrame } from './frames.ts';

/** Longer side of the copy that is blurred and enlarged to the canvas: of a blur this wide nothing finer is left. */
const BACKDROP_PX = 64;
/** Standard deviation, in pixels of that copy: 4 % of the canvas. */
const BACKDROP_SIGMA = 2.5;

interface Framing {
  readonly plan: FramePlan;
  readonly header: PictureHeader;
  readonly recipe: Recipe;
}

/**
 * A picture on the canvas of its rendition, with its padding and margin: the same pixels where nothing is around it. `behind`: the
 * picture before its corners were cut, of which a backdrop is made.
 */
export async function applyFrame(
  sharp: SharpModule,
  pixels: Pixels,
  behind: Pixels,
  { plan, header, recipe }: Framing,
): Promise<Pixels> {
  const { canvas, at } = plan;
  const backdrop = recipe.effects?.frame?.backdrop;
  const same = canvas.width === pixels.width && canvas.height === pixels.height;
  if (same && !(backdrop && pixels.channels === 4)) return pixels;
  if (backdrop === 'blur') return onBlur(sharp, pixels, behind, plan);
  const colour =
    backdrop === 'auto' ? edgeColour(behind, canvas) : recipe.background && hexIn(pixels, recipe.background);
  const rest = { right: canvas.width - pixels.width - at.left, bottom: canvas.height - pixels.height - at.top };
  const background = colour ?? defaultBackground(header, recipe);
  return eachFrame(sharp, pixels, (image) => {
    const opaque = background.length === '#rrggbb'.length ? image.flatten({ background }) : image;
    return opaque.extend({ ...at, ...rest, background });
  });
}

async function onBlur(sharp: SharpModule, pixels: Pixels, behind: Pixels, { canvas, at }: FramePlan): Promise<Pixels> {
  const small = sizeWithin(BACKDROP_PX, canvas);
  const blurred = await eachFrame(sharp, behind, (image) =>
    image
      .flatten({ background: '#ffffff' })
      .resize({ ...small, fit: 'cover' })
      .blur(BACKDROP_SIGMA),
  );
  const { width, height, channels } = pixels;
  const bytes = width * height * channels;
  let frame = 0;
  const laid = (): Buffer => {
    frame += 1;
    return pixels.data.subarray((frame - 1) * bytes, frame * bytes);
  };
  const composed = await eachFrame(sharp, blurred, (image) =>
    image
      .resize({ ...canvas, fit: 'fill' })
      .composite([{ input: laid(), raw: { width, height, channels }, left: at.left, top: at.top }])
      .removeAlpha(),
  );
  return composed;
}

/** The mean colour of the edges that the canvas goes on from, `#rrggbb`; of all where it goes on from none. */
function edgeColour({ data, width, height, channels }: Pixels, canvas: Size): string {
  const beside = canvas.width > width;
  const above = canvas.height > height;
  const sum = [0, 0, 0, 0];
  const add = (x: number, y: number) => {
    const at = (y * width + x) * channels;
    const alpha = channels === 4 ? (data[at + 3] ?? 0) / 255 : 1;
    for (const channel of [0, 1, 2]) sum[channel]! += alpha * (data[at + channel] ?? 0);
    sum[3]! += alpha;
  };
  const neither = !beside && !above;
  if (beside || neither) for (let y = 0; y < height; y += 1) for (const x of [0, width - 1]) add(x, y);
  if (above || neither) for (let x = 0; x < width; x += 1) for (const y of [0, height - 1]) add(x, y);
  const [red = 0, green = 0, blue = 0, weight = 0] = sum;
  if (weight === 0) return '#ffffff';
  const hex = (value: number) =>
    Math.round(value / weight)
      .toString(16)
      .padStart(2, '0');
  return `#${hex(red)}${hex(green)}${hex(blue)}`;
}
