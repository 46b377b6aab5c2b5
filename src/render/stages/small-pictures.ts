import { linearToSrgb, srgbToLinear } from '../formats/colour/transfer.ts';
import { type Box, type Pixels, type Size, sizeWithin } from '../pixels.ts';
import { GREY_SIDE_PX, type GreyPicture } from './detail-window.ts';

/**
 * Small pictures are converted here and not by libvips: a pipeline of sharp's costs 1 to 2 ms of CPU however small its picture is,
 * four times what these loops take.
 */

/** At most this many samples are read across and down for each grey pixel. */
const MOST_SAMPLES = 8;

type Opened = Pick<Pixels, 'data' | 'width' | 'height' | 'channels'>;

/** RGBA, of transparent pixels on white. The bytes are a copy, in memory of their own. */
export function rgbaOnWhite({ data, width, height, channels }: Opened): Uint8Array {
  const rgba = new Uint8Array(width * height * 4);
  if (channels === 3) {
    rgba.fill(255);
    for (let from = 0, to = 0; to < rgba.length; from += 3, to += 4) {
      rgba[to] = data[from] ?? 0;
      rgba[to + 1] = data[from + 1] ?? 0;
      rgba[to + 2] = data[from + 2] ?? 0;
    }
    return rgba;
  }
  for (let from = 0, to = 0; to < rgba.length; from += 4, to += 4) {
    const alpha = (data[from + 3] ?? 255) / 255;
    const white = 255 * (1 - alpha);
    rgba[to] = (data[from] ?? 0) * alpha + white;
    rgba[to + 1] = (data[from + 1] ?? 0) * alpha + white;
    rgba[to + 2] = (data[from + 2] ?? 0) * alpha + white;
    rgba[to + 3] = 255;
  }
  return rgba;
}

/** The small picture in which detail is looked for: each of its pixels is the mean of pixels spread over its part. */
export function greyOf({ data, width, height, channels }: Opened): GreyPicture {
  const size = sizeWithin(GREY_SIDE_PX, { width, height });
  const grey = new Uint8Array(size.width * size.height);
  const columns = samples(width, size.width);
  const rows = samples(height, size.height);
  for (const [y, down] of rows.entries())
    for (const [x, across] of columns.entries()) {
      let [red, green, blue] = [0, 0, 0];
      // By index: iterators of the innermost loops take half of the time.
      for (let row = 0; row < down.length; row += 1)
        for (let column = 0; column < across.length; column += 1) {
          const at = ((down[row] ?? 0) * width + (across[column] ?? 0)) * channels;
          const alpha = channels === 4 ? (data[at + 3] ?? 255) / 255 : 1;
          const white = 255 * (1 - alpha);
          red += (data[at] ?? 0) * alpha + white;
          green += (data[at + 1] ?? 0) * alpha + white;
          blue += (data[at + 2] ?? 0) * alpha + white;
        }
      const all = down.length * across.length;
      grey[y * size.width + x] = luminance(red / all, green / all, blue / all);
    }
  return { data: grey, ...size };
}

/** Pixels of a part. `part`: of a picture of the size `all`, all of which `whole` shows at another size. */
export function partOf(whole: Opened, part: Box, all: Size): Opened {
  const [left, right] = pixelsOf(part.left, part.width, whole.width / all.width, whole.width);
  const [top, bottom] = pixelsOf(part.top, part.height, whole.height / all.height, whole.height);
  const { channels } = whole;
  const size = { width: right - left, height: bottom - top };
  if (size.width === whole.width && size.height === whole.height) return whole;
  const data = Buffer.alloc(size.width * size.height * channels);
  for (let y = 0; y < size.height; y += 1) {
    const from = ((top + y) * whole.width + left) * channels;
    data.set(whole.data.subarray(from, from + size.width * channels), y * size.width * channels);
  }
  return { data, channels, ...size };
}

/** First pixel and the one behind the last, one pixel at least. */
function pixelsOf(start: number, length: number, scale: number, most: number): [first: number, end: number] {
  const first = Math.min(most - 1, Math.round(start * scale));
  return [first, Math.max(first + 1, Math.min(most, Math.round((start + length) * scale)))];
}

/** Which pixels along one side are read for each of `parts` parts; of a mirrored picture the mirrored ones. */
function samples(length: number, parts: number): number[][] {
  return Array.from({ length: parts }, (_, part) => {
    const first = Math.floor((part * length) / parts);
    const pixels = Math.ceil(((part + 1) * length) / parts) - first;
    const count = Math.min(MOST_SAMPLES, pixels);
    const at = (sample: number): number =>
      2 * sample + 1 <= count ? Math.floor(((sample + 0.5) * pixels) / count) : pixels - 1 - at(count - 1 - sample);
    return Array.from({ length: count }, (_, sample) => first + at(sample));
  });
}

/** The grey of equal luminance, by ITU-R BT.709. 0 to 255 each. */
function luminance(red: number, green: number, blue: number): number {
  const [r, g, b] = [srgbToLinear(red / 255), srgbToLinear(green / 255), srgbToLinear(blue / 255)];
  return Math.round(255 * linearToSrgb(0.2126 * r + 0.7152 * g + 0.0722 * b));
}
