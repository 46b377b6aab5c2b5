/** Colour spaces by their primaries, adapted to D50 (columns red, green, blue), and their tone curve as a gamma. */
export interface ColourSpace {
  readonly name: string;
  readonly toXyz: readonly [Row, Row, Row];
  readonly gamma: number;
}
type Row = readonly [number, number, number];
export type Rgb = [number, number, number];

/** Adobe RGB (1998), annex; ROMM RGB, ISO 22028-2; values adapted to D50. */
export const ADOBE_RGB: ColourSpace = {
  name: 'Adobe RGB (1998) compatible',
  toXyz: [
    [0.60974, 0.20528, 0.14919],
    [0.31111, 0.62567, 0.06322],
    [0.01947, 0.06087, 0.74457],
  ],
  gamma: 563 / 256,
};
export const PROPHOTO: ColourSpace = {
  name: 'ROMM RGB compatible',
  toXyz: [
    [0.79767, 0.13519, 0.03134],
    [0.28804, 0.71188, 0.00009],
    [0, 0, 0.82491],
  ],
  gamma: 1.8,
};
export const DISPLAY_P3: ColourSpace = {
  name: 'P3 gamma 2.2',
  toXyz: [
    [0.51512, 0.29198, 0.1571],
    [0.2412, 0.69225, 0.06657],
    [-0.00105, 0.04189, 0.78407],
  ],
  gamma: 2.2,
};

const SRGB_TO_XYZ: readonly [Row, Row, Row] = [
  [0.43607, 0.38515, 0.14307],
  [0.22249, 0.71687, 0.06061],
  [0.01392, 0.09708, 0.7141],
];
const WHITE = [0.9642, 1, 0.8249] as const;

/** The numbers, 0 to 1, that mean this sRGB colour (0 to 255) in another space. */
export function fromSrgb(colour: Rgb, space: ColourSpace): Rgb {
  const linear = multiply(inverse(space.toXyz), srgbToXyz(colour));
  return linear.map((value) => Math.min(1, Math.max(0, value)) ** (1 / space.gamma)) as Rgb;
}

/** CIE 1976 distance of two sRGB colours; 2 is what a trained eye just sees. */
export function deltaE(a: Rgb, b: Rgb): number {
  const [first, second] = [a, b].map((colour) => lab(srgbToXyz(colour)));
  return Math.hypot(...(first as Rgb).map((value, at) => value - (second as Rgb)[at]!));
}

/** A version 2 display profile of three primaries and a gamma (ICC.1:2001-04). */
export function iccProfile({ name, toXyz, gamma }: ColourSpace): Buffer {
  return profileOf({ name, toXyz, curves: [gammaTag(gamma)] });
}

export interface RgbProfile {
  readonly name?: string;
  readonly toXyz: ColourSpace['toXyz'];
  /** Of red, green and blue, or one for all. */
  readonly curves: readonly Buffer[];
  readonly version?: number;
  /** Class, colour space and connection space. */
  readonly kind?: string;
  readonly more?: readonly (readonly [string, Buffer])[];
}

/** A profile of curves and a matrix, and of whatever else a test adds. */
export function profileOf({
  name = 'made by a test',
  toXyz,
  curves,
  version = 0x02400000,
  kind = 'mntrRGB XYZ ',
  more = [],
}: RgbProfile): Buffer {
  const text = Buffer.concat([
    tag('desc'),
    u32(name.length + 1),
    Buffer.from(`${name}\0`),
    Buffer.alloc(4 + 4 + 2 + 1 + 67),
  ]);
  const column = (at: 0 | 1 | 2) => xyzTag(toXyz.map((row) => row[at]));
  const tags: (readonly [string, Buffer])[] = [
    ['desc', text],
    ['cprt', Buffer.concat([tag('text'), Buffer.from('CC0\0')])],
    ['wtpt', xyzTag(WHITE)],
    ...(['rXYZ', 'gXYZ', 'bXYZ'] as const).map((key, at): [string, Buffer] => [key, column(at as 0 | 1 | 2)]),
    ...['rTRC', 'gTRC', 'bTRC'].map((key, at): [string, Buffer] => [key, curves[at % curves.length]!]),
    ...more,
  ];
  let offset = 128 + 4 + tags.length * 12;
  const table: Buffer[] = [u32(tags.length)];
  const bodies: Buffer[] = [];
  for (const [key, body] of tags) {
    const padded = Buffer.concat([body, Buffer.alloc((4 - (body.length % 4)) % 4)]);
    table.push(Buffer.from(key), u32(offset), u32(body.length));
    bodies.push(padded);
    offset += padded.length;
  }
  const header = Buffer.alloc(128);
  header.writeUInt32BE(offset, 0);
  header.writeUInt32BE(version, 8);
  header.write(kind, 12);
  header.write('acsp', 36);
  Buffer.concat(WHITE.map(s15)).copy(header, 68);
  return Buffer.concat([header, ...table, ...bodies]);
}

const xyzTag = (values: readonly number[]) => Buffer.concat([tag('XYZ '), ...values.map((value) => s15(value))]);

/** curveType with one number, in 256ths. */
export function gammaTag(gamma: number): Buffer {
  return Buffer.concat([
    tag('curv'),
    u32(1),
    Buffer.from([Math.floor(gamma), Math.round((gamma % 1) * 256)]),
    Buffer.alloc(2),
  ]);
}

/** curveType with samples of 0 to 1. */
export function curveTag(samples: readonly number[]): Buffer {
  const words = Buffer.alloc(2 * samples.length);
  for (const [at, sample] of samples.entries()) words.writeUInt16BE(Math.round(65_535 * sample), 2 * at);
  return Buffer.concat([tag('curv'), u32(samples.length), words]);
}

/** parametricCurveType. */
export function functionTag(type: number, numbers: readonly number[]): Buffer {
  const head = Buffer.from([type >> 8, type & 255, 0, 0]);
  return Buffer.concat([tag('para'), head, ...numbers.map(s15)]);
}

function srgbToXyz(colour: Rgb): Rgb {
  return multiply(
    SRGB_TO_XYZ,
    colour.map((value) =>
      value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4,
    ) as Rgb,
  );
}

function lab([x, y, z]: Rgb): Rgb {
  const [fx, fy, fz] = [x / WHITE[0], y / WHITE[1], z / WHITE[2]].map((t) =>
    t > 216 / 24389 ? Math.cbrt(t) : (24389 / 27) * (t / 116) + 16 / 116,
  ) as Rgb;
  return [116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)];
}

function multiply(matrix: readonly [Row, Row, Row], [a, b, c]: Rgb): Rgb {
  return matrix.map(([x, y, z]) => x * a + y * b + z * c) as Rgb;
}

function inverse([[a, b, c], [d, e, f], [g, h, i]]: readonly [Row, Row, Row]): [Row, Row, Row] {
  const det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  const over = (value: number) => value / det;
  return [
    [over(e * i - f * h), over(c * h - b * i), over(b * f - c * e)],
    [over(f * g - d * i), over(a * i - c * g), over(c * d - a * f)],
    [over(d * h - e * g), over(b * g - a * h), over(a * e - b * d)],
  ];
}

function tag(type: string): Buffer {
  return Buffer.from(`${type}\0\0\0\0`, 'latin1');
}

function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
}

function s15(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(Math.round(value * 65536));
  return buffer;
}
