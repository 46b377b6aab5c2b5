import { createHash } from 'node:crypto';
import { listedTags } from './icc-profile.ts';
import { inverse, type Matrix, product, times, type Vector } from './primaries.ts';

/**
 * How red, green and blue of an original become those of sRGB, in 16384ths: from the 256 levels of each to linear light, and from that of the
 * original to that of sRGB by a matrix, row by row. The fixed point in which Little CMS converts 8 bits.
 */
export interface RgbConversion {
  readonly curves: Uint16Array;
  readonly matrix: readonly number[];
}

/** What a profile says: the colours of sRGB within a level, or others by no more than curves and a matrix. */
export type ProfileColours = 'srgb' | RgbConversion;

/**
 * Of a colour profile of red, green and blue (ICC.1:2022; version 2: ICC.1:2001-04). Undefined where it says more than curves and a matrix,
 * or anything that colour engines may take differently: broken, contradictory, no colours that a screen or camera has.
 */
export function readRgbProfile(profile: Buffer): ProfileColours | undefined {
  if (profile.length > MOST_BYTES) return undefined;
  const key = createHash('sha256').update(profile).digest('base64');
  if (known.has(key)) return known.get(key);
  const read = readOnce(profile);
  const [oldest] = known.keys();
  if (known.size >= MOST_KNOWN && oldest !== undefined) known.delete(oldest);
  known.set(key, read);
  return read;
}

/** Profiles of curves and a matrix have some kilobytes, with names in all languages too. */
const MOST_BYTES = 65_536;
/** Phones of one kind write the same. Each takes 2 KB, and without it half a millisecond. */
const MOST_KNOWN = 32;
const known = new Map<string, ProfileColours | undefined>();

function readOnce(profile: Buffer): ProfileColours | undefined {
  const tags = readTags(profile);
  const curves = tags && readCurves(tags);
  const matrix = tags && readMatrix(tags);
  if (!curves || !matrix) return undefined;
  const conversion = { curves, matrix };
  return isSrgb(conversion) ? 'srgb' : conversion;
}

/** Tables of colours, which colour engines prefer to curves. */
const TABLES = /^(A2B|B2A|D2B|B2D)/;

/** Its tags, where it is a whole and sound profile of a screen or camera, from red, green and blue to XYZ. ICC.1:2022, 7.2 and 7.3. */
function readTags(profile: Buffer): ReadonlyMap<string, Buffer> | undefined {
  const list = listedTags(profile);
  if (!list?.whole || profile.readUInt32BE(0) !== profile.length) return undefined;
  const kind = profile.toString('latin1', 12, 24);
  const version = profile.readUInt8(8);
  if (!/^(mntr|scnr)RGB XYZ $/.test(kind) || profile.toString('latin1', 36, 40) !== 'acsp') return undefined;
  if (version !== 2 && version !== 4) return undefined;
  const tags = new Map<string, Buffer>();
  for (const { name, offset, length } of list.tags) {
    if (tags.has(name) || TABLES.test(name) || offset < list.end || offset + length > profile.length) return undefined;
    tags.set(name, profile.subarray(offset, offset + length));
  }
  return tags;
}

const ONE = 16_384;
const LEVELS = 256;
const fixed = (value: number) => Math.floor(value * ONE + 0.5);

function readCurves(tags: ReadonlyMap<string, Buffer>): Uint16Array | undefined {
  const curves = new Uint16Array(3 * LEVELS);
  for (const [channel, name] of ['rTRC', 'gTRC', 'bTRC'].entries()) {
    const curve = readCurve(tags.get(name));
    if (!curve) return undefined;
    const light = Array.from({ length: LEVELS }, (_, level) => fixed(curve(level / (LEVELS - 1))));
    if (!isPlausible(light)) return undefined;
    curves.set(light, channel * LEVELS);
  }
  return curves;
}

/** What a level more may make, in levels of sRGB: most curves stay below 2. */
const STEEPEST = 4;
/** Of 16384ths, what the middle of a curve may be: from that of a gamma of 3 to that of one. */
const MIDDLE = { least: 2000, most: 8300 };

/** From black to white without a step back, a jump or an offset; of what is flat or steep, a picture is for sharp to make. */
function isPlausible(light: readonly number[]): boolean {
  const middle = light[LEVELS / 2] ?? 0;
  if (light[0] !== 0 || light.at(-1) !== ONE || !(middle >= MIDDLE.least && middle <= MIDDLE.most)) return false;
  return light.every((own, at) => {
    const before = light[at - 1] ?? 0;
    return own >= before && own <= ONE && srgbLevel(own) - srgbLevel(before) <= STEEPEST;
  });
}

/** Little CMS reads twice as many samples; profiles have up to 4096. */
const MOST_SAMPLES = 16_384;
/** How many numbers the functions of `para` have. */
const PARAMETERS = [1, 3, 4, 5, 7];

/** curveType and parametricCurveType: ICC.1:2022, 10.6 and 10.18. */
function readCurve(tag: Buffer | undefined): ((value: number) => number) | undefined {
  if (!tag || tag.length < 12) return undefined;
  const type = tag.toString('latin1', 0, 4);
  if (type === 'curv') {
    const count = tag.readUInt32BE(8);
    if (count > MOST_SAMPLES || tag.length < 12 + 2 * count) return undefined;
    if (count === 0) return (value) => value;
    return count === 1 ? gamma(tag.readUInt16BE(12) / 256) : sampled(tag.subarray(12, 12 + 2 * count));
  }
  const count = PARAMETERS[tag.readUInt16BE(8)];
  if (type !== 'para' || count === undefined || tag.length < 12 + 4 * count) return undefined;
  return parametric(Array.from({ length: count }, (_, at) => tag.readInt32BE(12 + 4 * at) / 65_536));
}

const gamma = (power: number) => (value: number) => value ** power;

/** As Little CMS interpolates in 16 bits. */
function sampled(samples: Buffer): (value: number) => number {
  const last = samples.length / 2 - 1;
  const sample = (at: number) => samples.readUInt16BE(2 * Math.min(at, last));
  return (value) => {
    const scaled = Math.round(value * 65_535) * last;
    const place = scaled + Math.floor((scaled + 32_767) / 65_535);
    const at = Math.floor(place / 65_536);
    const step = sample(at + 1) - sample(at);
    return (sample(at) + Math.floor((step * (place % 65_536) + 32_768) / 65_536)) / 65_535;
  };
}

/** Table 68 of ICC.1:2022: without a, b, c, d, e and f where there are fewer numbers. */
function parametric(numbers: readonly number[]): (value: number) => number {
  const [g = 1, a = 1, b = 0, c = 0, d = 0, e = 0, f = 0] = numbers;
  const power = (value: number) => Math.max(0, a * value + b) ** g;
  if (numbers.length === 1) return gamma(g);
  if (numbers.length === 3) return power;
  if (numbers.length === 4) return (value) => (a * value + b >= 0 ? power(value) : 0) + c;
  return (value) => (value >= d ? power(value) + e : c * value + f);
}

/** Of the profile of sRGB to which libvips converts: its numbers have 16 bits behind the point. */
const SRGB_TO_XYZ: Matrix = [
  [28_576 / 65_536, 25_238 / 65_536, 9_376 / 65_536],
  [14_578 / 65_536, 46_985 / 65_536, 3_973 / 65_536],
  [911 / 65_536, 6_362 / 65_536, 46_788 / 65_536],
];

/** Beyond 2.5, sums leave 32 bits; the largest of ROMM RGB is 2.03. */
const MOST_FACTOR = 2.5 * ONE;
/** How far from white, in parts of it, what is white in the original may be. */
const WHITE_TOLERANCE = 0.02;

function readMatrix(tags: ReadonlyMap<string, Buffer>): readonly number[] | undefined {
  const [red, green, blue] = ['rXYZ', 'gXYZ', 'bXYZ'].map((name) => readXyz(tags.get(name)));
  const toSrgb = inverse(SRGB_TO_XYZ);
  if (!red || !green || !blue || !toSrgb) return undefined;
  const matrix = product(toSrgb, [
    [red[0], green[0], blue[0]],
    [red[1], green[1], blue[1]],
    [red[2], green[2], blue[2]],
  ]);
  const white = times(matrix, [1, 1, 1]);
  const rows = matrix.map((row) => row.map(fixed));
  // Red is red, green is green, blue is blue: others are turned into greys or each other.
  const plain = rows.every((row, own) => row.every((factor) => Math.abs(factor) <= MOST_FACTOR) && row[own]! > ONE / 2);
  const balanced = white.every((light) => Math.abs(light - 1) <= WHITE_TOLERANCE);
  return plain && balanced ? rows.flat() : undefined;
}

/** XYZType: ICC.1:2022, 10.31. */
function readXyz(tag: Buffer | undefined): Vector | undefined {
  if (!tag || tag.length < 20 || tag.toString('latin1', 0, 4) !== 'XYZ ') return undefined;
  return [tag.readInt32BE(8) / 65_536, tag.readInt32BE(12) / 65_536, tag.readInt32BE(16) / 65_536];
}

/** The level of an amount of linear light, in 16384ths. IEC 61966-2-1, by the rounded numbers of that profile. */
function srgbLevel(light: number): number {
  const value = Math.min(1, Math.max(0, light / ONE));
  const [slope, from] = [5_072 / 65_536, 2_651 / 65_536];
  const encoded =
    value < slope * from ? value / slope : (value ** (65_536 / 157_289) - 3_417 / 65_536) / (62_119 / 65_536);
  return Math.round(255 * encoded);
}

/** Levels of red, green and blue that stand for all colours, besides all greys. */
const STEPS = Array.from({ length: 9 }, (_, step) => Math.min(255, 32 * step));

/** Whether no level comes out as another than itself or its neighbour. */
function isSrgb({ curves, matrix }: RgbConversion): boolean {
  const light = (level: number, channel: number) => curves[channel * LEVELS + level] ?? 0;
  const stays = (levels: readonly [number, number, number]) =>
    levels.every((level, own) => {
      const sum = levels.reduce(
        (all, each, channel) => all + (matrix[3 * own + channel] ?? 0) * light(each, channel),
        0,
      );
      return Math.abs(srgbLevel(sum / ONE) - level) <= 1;
    });
  for (let level = 0; level < LEVELS; level += 1) if (!stays([level, level, level])) return false;
  return STEPS.every((red) => STEPS.every((green) => STEPS.every((blue) => stays([red, green, blue]))));
}
