import { mostEncodes } from './formats/encoding/search.ts';
import { goesToSvtAv1 } from './formats/svt-av1.ts';
import type { Recipe } from './recipe.ts';
import { MAX_OUTPUT_PIXELS, MAX_OUTPUT_SIDE_PX } from './stages/geometry.ts';

/** CPU of one encode, before its original is known: the dearest that it may come to. */
export interface EncodeEstimate {
  /** As people know it: `AVIF`, `WebP`. */
  readonly format: string;
  readonly effort: number;
  readonly msPerMegapixel: number;
  readonly megapixels: number;
  /** How often all pixels are encoded. */
  readonly encodes: number;
  readonly ms: number;
}

/**
 * CPU milliseconds a megapixel by effort, 0 to 9: the dearest of three camera photos at quality 80 and 95 on one thread.
 * Made by `node bench/encode.ts` (bench/results, "encode"); efforts above an encoder's own scale take its last one.
 */
const MS_PER_MEGAPIXEL = {
  libaom: [173, 567, 949, 1708, 5453, 9980, 18_746, 28_866, 28_933, 77_491],
  'svt-av1': [146, 175, 330, 842, 919, 1904, 2941, 4862, 19_206, 19_206],
  webp: [74, 86, 94, 177, 178, 209, 507, 507, 507, 507],
  'libaom, lossless': [305, 713, 895, 1584, 4067, 4352, 7368, 10_920, 11_470, 41_323],
  'webp, lossless': [82, 324, 478, 713, 2167, 3494, 3685, 3685, 3685, 3685],
  png: [55, 55, 64, 87, 87, 101, 128, 205, 242, 620],
  // 256 colours at 1 MP, chosen by libimagequant whatever the effort; 16 take half of it.
  'png, palette': [900, 900, 900, 900, 900, 900, 900, 900, 900, 900],
  jpeg: [41, 41, 41, 41, 41, 41, 41, 41, 41, 41],
  // JPEG XL of half a megapixel.
  jxl: [270, 270, 270, 270, 270, 1500, 2300, 2600, 5500, 6200],
  'jxl, lossless': [160, 160, 290, 350, 700, 1000, 1500, 2700, 6900, 20_000],
  gif: [531, 718, 866, 887, 1140, 1554, 2782, 4081, 5001, 5786],
} as const;
type Encoder = keyof typeof MS_PER_MEGAPIXEL;

/** The dearer one of formats/encoding/encoders.ts where that goes by size. */
const DEFAULT_EFFORT: Readonly<Record<Encoder, number>> = {
  ...{
    libaom: 1,
    'svt-av1': 1,
    webp: 4,
    'libaom, lossless': 1,
    'webp, lossless': 1,
    png: 7,
    'png, palette': 0,
    jpeg: 0,
    gif: 3,
    jxl: 3,
    'jxl, lossless': 3,
  },
};

const NAMES: Readonly<Record<Encoder, string>> = {
  ...{ libaom: 'AVIF', 'svt-av1': 'AVIF', webp: 'WebP', png: 'PNG', jpeg: 'JPEG', gif: 'GIF' },
  ...{ jxl: 'JPEG XL', 'jxl, lossless': 'JPEG XL' },
  ...{ 'libaom, lossless': 'AVIF', 'webp, lossless': 'WebP', 'png, palette': 'PNG' },
};

/** `undefined` takes the encoder's default effort. A recipe with one side is taken for a square; frames of animations count once. */
export function estimateEncode(recipe: Recipe, own: number | undefined): EncodeEstimate {
  const { width, height } = recipe;
  const canvas = {
    width: Math.min(MAX_OUTPUT_SIDE_PX, width ?? height ?? 0),
    height: Math.min(MAX_OUTPUT_SIDE_PX, height ?? width ?? 0),
  };
  const megapixels = Math.min(MAX_OUTPUT_PIXELS, canvas.width * canvas.height) / 1_000_000;
  const figures = encodersOf(recipe, canvas).map((encoder) => {
    const effort = own ?? DEFAULT_EFFORT[encoder];
    const encodes = encoder === 'png, palette' ? palettes(recipe) : mostEncodes(recipe);
    const msPerMegapixel = MS_PER_MEGAPIXEL[encoder][effort] ?? MS_PER_MEGAPIXEL[encoder][9];
    const ms = msPerMegapixel * megapixels * encodes;
    return { format: NAMES[encoder], effort, msPerMegapixel, megapixels, encodes, ms };
  });
  return figures.reduce((dearest, one) => (one.ms > dearest.ms ? one : dearest));
}

/** Palettes of 256, 16 and 4 colours together take what two of the first do. */
const palettes = ({ encoding }: Recipe) => (encoding?.maxBytes === undefined ? 1 : 2);

/** Encoders that may get it. libaom gets every AVIF with transparent parts, so all that no background fills. */
function encodersOf(recipe: Recipe, canvas: { width: number; height: number }): [Encoder, ...Encoder[]] {
  const { output, background, animated, lossless, encoding } = recipe;
  const png = encoding?.palette === undefined && encoding?.maxBytes === undefined ? 'png' : 'png, palette';
  if (output === 'jxl') return [lossless ? 'jxl, lossless' : 'jxl'];
  if (lossless && (output === 'avif' || output === 'webp'))
    return [output === 'avif' ? 'libaom, lossless' : 'webp, lossless'];
  if (output === 'avif') return [background !== undefined && goesToSvtAv1(canvas, recipe) ? 'svt-av1' : 'libaom'];
  if (output === 'base') return animated ? ['gif', png, 'jpeg'] : [png, 'jpeg'];
  if (output === 'png') return [png];
  // Nothing is encoded of an original that is sent itself: a recipe without pixels.
  return [output === 'original' ? 'jpeg' : output];
}
