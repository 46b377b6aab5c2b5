import sharp from 'sharp';
import { loadEngine } from '../../src/render/engine/engine.ts';
import type { Recipe } from '../../src/render/recipe.ts';
import type { Rendered } from '../../src/render/render.ts';
import { createRenderer } from '../../src/render/render.ts';
import type { FaceLookup } from '../../src/render/stages/face-aware-crop.ts';
import { createStepTimer } from '../../src/telemetry/step-timer.ts';
import type { Rgb } from './icc.ts';

const LIMITS = { maxPixels: 100_000_000, maxFrames: 200, timeoutSeconds: 20 };
/** `npm run test:by-engine`. */
export const byEngine = process.env.TEST_ENGINE === 'on';
const renderer = createRenderer(LIMITS, undefined, undefined, loadEngine(byEngine));

/** A recipe that asks for nothing but a size, which it leaves open. */
export const PLAIN: Recipe = {
  ...{
    width: undefined,
    height: undefined,
    fit: 'inside',
    output: 'png',
    quality: 90,
    effort: undefined,
    gravity: 'center',
  },
  ...{
    background: undefined,
    animated: false,
    gamut: 'srgb',
    trim: undefined,
    margin: 0,
    copyright: false,
    faceZoom: 1,
  },
};

/** Renders with the real renderer; what the recipe leaves out is plain. Shows no faces unless told. */
export async function render(
  original: Buffer,
  recipe: Partial<Recipe>,
  faces: FaceLookup = async () => [],
): Promise<Rendered> {
  return renderer.render(await renderer.examine(original), { ...PLAIN, ...recipe }, createStepTimer(), faces);
}

/** Pixels as they stand in the file: no profile applied, nothing turned. Frames below each other. */
export async function pixelsOf(file: Buffer, options: { animated?: boolean } = {}) {
  const { data, info } = await sharp(file, { ignoreIcc: true, animated: options.animated ?? false })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number) => [
    ...data.subarray((y * info.width + x) * info.channels, (y * info.width + x + 1) * info.channels),
  ];
  return { data, at, width: info.width, height: info.height, channels: info.channels };
}

/** Mean of a square patch around a point. */
export function patch(picture: Awaited<ReturnType<typeof pixelsOf>>, x: number, y: number, reach = 3): Rgb {
  const sum = [0, 0, 0];
  for (let dy = -reach; dy <= reach; dy += 1) {
    for (let dx = -reach; dx <= reach; dx += 1) {
      const pixel = picture.at(x + dx, y + dy);
      // A grey picture says the same of red, green and blue.
      for (const channel of [0, 1, 2]) sum[channel]! += picture.channels < 3 ? pixel[0]! : pixel[channel]!;
    }
  }
  return sum.map((value) => value / (2 * reach + 1) ** 2) as Rgb;
}

/** Colours that most spaces hold, in sRGB: those of the well-known 24-patch chart, muted enough for print too. */
export const CHART: Rgb[] = [
  ...([
    [115, 82, 68],
    [194, 150, 130],
    [98, 122, 157],
    [87, 108, 67],
    [133, 128, 177],
    [103, 189, 170],
  ] as Rgb[]),
  ...([
    [193, 90, 99],
    [94, 60, 108],
    [157, 160, 90],
    [243, 243, 242],
    [200, 200, 200],
    [160, 160, 160],
  ] as Rgb[]),
  ...([
    [122, 122, 121],
    [85, 85, 85],
    [52, 52, 52],
    [180, 140, 90],
  ] as Rgb[]),
];
export const CELL = 40;

/** The chart, four by four cells, in the numbers that `encode` gives each colour (0 to 1). */
export function chart(encode: (colour: Rgb) => number[] = (colour) => colour.map((value) => value / 255)) {
  const side = CELL * 4;
  const numbers = CHART.map(encode);
  const channels = (numbers[0]?.length ?? 3) as 1 | 3;
  const deep = new Uint16Array(side * side * channels);
  for (let y = 0; y < side; y += 1) {
    for (let x = 0; x < side; x += 1) {
      const cell = numbers[Math.floor(y / CELL) * 4 + Math.floor(x / CELL)]!;
      for (let channel = 0; channel < channels; channel += 1)
        deep[(y * side + x) * channels + channel] = Math.round(cell[channel]! * 65535);
    }
  }
  const shallow = Buffer.from(Uint8Array.from(deep, (value) => Math.round(value / 257)));
  return {
    deep: () =>
      sharp(deep, { raw: { width: side, height: side, channels } }).toColourspace(channels === 1 ? 'grey16' : 'rgb16'),
    shallow: () => sharp(shallow, { raw: { width: side, height: side, channels } }),
  };
}

/** Where the middle of a chart's cell lies in a picture of this width. */
export function cellAt(index: number, width: number): [number, number] {
  const cell = width / 4;
  return [Math.floor(((index % 4) + 0.5) * cell), Math.floor((Math.floor(index / 4) + 0.5) * cell)];
}

/** Puts a segment into a JPEG right behind its start. */
export function withSegment(jpeg: Buffer, marker: number, payload: Buffer): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(2 + payload.length, 2);
  return Buffer.concat([jpeg.subarray(0, 2), head, payload, jpeg.subarray(2)]);
}

export function withProfile(jpeg: Buffer, icc: Buffer): Buffer {
  return withSegment(jpeg, 0xe2, Buffer.concat([Buffer.from('ICC_PROFILE\0\u0001\u0001', 'latin1'), icc]));
}

/** EXIF of one number, 1 to 8: how the picture is turned. sharp's `withExif` leaves that number out. */
export function withOrientation(jpeg: Buffer, orientation: number): Buffer {
  const head = Buffer.from('Exif\0\0II*\0\u0008\0\0\0\u0001\0', 'latin1');
  const entry = Buffer.from([0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0]);
  return withSegment(jpeg, 0xe1, Buffer.concat([head, entry]));
}

/** An F: no turn or mirror image of it is the same. Dark on light, with a red foot. */
export function letterF(width: number, height: number): Buffer {
  const data = Buffer.alloc(width * height * 3, 235);
  const paint = (x0: number, y0: number, x1: number, y1: number, colour: Rgb) => {
    for (let y = Math.round(y0 * height); y < Math.round(y1 * height); y += 1) {
      for (let x = Math.round(x0 * width); x < Math.round(x1 * width); x += 1) data.set(colour, (y * width + x) * 3);
    }
  };
  paint(0.3, 0.1, 0.42, 0.9, [30, 30, 90]);
  paint(0.3, 0.1, 0.75, 0.25, [30, 30, 90]);
  paint(0.3, 0.45, 0.62, 0.58, [30, 30, 90]);
  paint(0.3, 0.8, 0.42, 0.9, [200, 30, 30]);
  return data;
}

/** How an upright pixel (x, y) of w × h is stored under each EXIF orientation (TIFF 6.0, Orientation). */
const STORED: Record<number, (x: number, y: number, w: number, h: number) => [number, number]> = {
  1: (x, y) => [x, y],
  2: (x, y, w) => [w - 1 - x, y],
  3: (x, y, w, h) => [w - 1 - x, h - 1 - y],
  4: (x, y, _w, h) => [x, h - 1 - y],
  5: (x, y) => [y, x],
  6: (x, y, w) => [y, w - 1 - x],
  7: (x, y, w, h) => [h - 1 - y, w - 1 - x],
  8: (x, y, _w, h) => [h - 1 - y, x],
};

/** An upright RGB picture as a camera stores it that was held otherwise. */
export async function storedAs(
  orientation: number,
  upright: Buffer,
  width: number,
  height: number,
  format: 'jpeg' | 'png' | 'webp',
): Promise<Buffer> {
  const lies = orientation > 4;
  const [storedWidth, storedHeight] = lies ? [height, width] : [width, height];
  const data = Buffer.alloc(upright.length);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const [sx, sy] = STORED[orientation]!(x, y, width, height);
      upright.copy(data, (sy * storedWidth + sx) * 3, (y * width + x) * 3, (y * width + x) * 3 + 3);
    }
  }
  return sharp(data, { raw: { width: storedWidth, height: storedHeight, channels: 3 } })
    .withMetadata({ orientation })
    .toFormat(format, format === 'png' ? {} : { quality: 98 })
    .toBuffer();
}
