/** Chromaticities x and y of red, green, blue and white. */
export type Chromaticities = readonly [number, number, number, number, number, number, number, number];
export type Vector = readonly [number, number, number];
export type Matrix = readonly [Vector, Vector, Vector];

const D65 = [0.3127, 0.329] as const;
const C = [0.31, 0.316] as const;

export const BT_709: Chromaticities = [0.64, 0.33, 0.3, 0.6, 0.15, 0.06, ...D65];
const BT_601_NTSC: Chromaticities = [0.63, 0.34, 0.31, 0.595, 0.155, 0.07, ...D65];
export const BT_2020: Chromaticities = [0.708, 0.292, 0.17, 0.797, 0.131, 0.046, ...D65];

/** ITU-T H.273, table 2, by code point. */
const BY_CODE: Readonly<Record<number, Chromaticities>> = {
  1: BT_709,
  4: [0.67, 0.33, 0.21, 0.71, 0.14, 0.08, ...C],
  5: [0.64, 0.33, 0.29, 0.6, 0.15, 0.06, ...D65],
  6: BT_601_NTSC,
  7: BT_601_NTSC,
  8: [0.681, 0.319, 0.243, 0.692, 0.145, 0.049, ...C],
  9: BT_2020,
  // CIE 1931 XYZ; green is X = 0, Y = 1, Z = 0.
  10: [1, 0, 0, 1, 0, 0, 1 / 3, 1 / 3],
  11: [0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.314, 0.351],
  12: [0.68, 0.32, 0.265, 0.69, 0.15, 0.06, ...D65],
  22: [0.63, 0.34, 0.295, 0.605, 0.155, 0.077, ...D65],
};

/** The primaries of a code point of ITU-T H.273; undefined where it is unspecified or reserved. */
export function primariesOf(code: number): Chromaticities | undefined {
  return BY_CODE[code];
}

/** The white of ICC's connection space (ICC.1:2022, 7.2.16). */
export const D50: Vector = [0.9642, 1, 0.8249];

/** Linearised Bradford, ICC.1:2022, annex E. */
const BRADFORD: Matrix = [
  [0.8951, 0.2664, -0.1614],
  [-0.7502, 1.7135, 0.0367],
  [0.0389, -0.0685, 1.0296],
];

const BACK: Matrix = [
  [0.9869929, -0.1470543, 0.1599627],
  [0.4323053, 0.5183603, 0.0492912],
  [-0.0085287, 0.0400428, 0.9684867],
];

/** From linear red, green and blue to XYZ, with their white adapted to D50. Undefined where no colours have these primaries. */
export function toConnectionSpace([xr, yr, xg, yg, xb, yb, xw, yw]: Chromaticities): Matrix | undefined {
  if (yw === 0) return undefined;
  const white: Vector = [xw / yw, 1, (1 - xw - yw) / yw];
  const columns: Matrix = [
    [xr, xg, xb],
    [yr, yg, yb],
    [1 - xr - yr, 1 - xg - yg, 1 - xb - yb],
  ];
  const solved = inverse(columns);
  if (!solved) return undefined;
  const scales = times(solved, white);
  return product(adaptation(white), product(columns, diagonal(scales)));
}

function adaptation(white: Vector): Matrix {
  const [from, to] = [times(BRADFORD, white), times(BRADFORD, D50)];
  return product(BACK, product(diagonal([to[0] / from[0], to[1] / from[1], to[2] / from[2]]), BRADFORD));
}

function diagonal([a, b, c]: Vector): Matrix {
  return [
    [a, 0, 0],
    [0, b, 0],
    [0, 0, c],
  ];
}

export function times([a, b, c]: Matrix, [x, y, z]: Vector): Vector {
  const dot = ([p, q, r]: Vector) => p * x + q * y + r * z;
  return [dot(a), dot(b), dot(c)];
}

export function product(left: Matrix, [a, b, c]: Matrix): Matrix {
  const column = (at: 0 | 1 | 2) => times(left, [a[at], b[at], c[at]]);
  const [x, y, z] = [column(0), column(1), column(2)];
  return [
    [x[0], y[0], z[0]],
    [x[1], y[1], z[1]],
    [x[2], y[2], z[2]],
  ];
}

/** Undefined where its rows depend on each other. */
export function inverse([[a, b, c], [d, e, f], [g, h, i]]: Matrix): Matrix | undefined {
  const determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  if (Math.abs(determinant) < 1e-6) return undefined;
  const over = (value: number) => value / determinant;
  return [
    [over(e * i - f * h), over(c * h - b * i), over(b * f - c * e)],
    [over(f * g - d * i), over(a * i - c * g), over(c * d - a * f)],
    [over(d * h - e * g), over(b * g - a * h), over(a * e - b * d)],
  ];
}
