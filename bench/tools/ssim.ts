/**
 * Structural similarity of two pictures' luma (Wang et al. 2004), over 8×8 windows every 4 pixels, with the constants of
 * the paper. A small one of the bench's own: good for comparing settings with each other, not with other people's figures.
 */
const WINDOW = 8;
const STEP = 4;
const C1 = (0.01 * 255) ** 2;
const C2 = (0.03 * 255) ** 2;

/** Both RGB, 8 bits, of the same size. 1 is identical. */
export function ssim(a: Buffer, b: Buffer, width: number, height: number): number {
  const [first, second] = [luma(a), luma(b)];
  let sum = 0;
  let windows = 0;
  for (let y = 0; y + WINDOW <= height; y += STEP) {
    for (let x = 0; x + WINDOW <= width; x += STEP) {
      sum += windowSsim(first, second, y * width + x, width);
      windows += 1;
    }
  }
  return sum / windows;
}

function windowSsim(a: Float32Array, b: Float32Array, start: number, width: number): number {
  let [sumA, sumB, sumAA, sumBB, sumAB] = [0, 0, 0, 0, 0];
  for (let dy = 0; dy < WINDOW; dy += 1) {
    const row = start + dy * width;
    for (let at = row; at < row + WINDOW; at += 1) {
      const [p, q] = [a[at]!, b[at]!];
      sumA += p;
      sumB += q;
      sumAA += p * p;
      sumBB += q * q;
      sumAB += p * q;
    }
  }
  const n = WINDOW * WINDOW;
  const [meanA, meanB] = [sumA / n, sumB / n];
  const [varA, varB, cov] = [sumAA / n - meanA ** 2, sumBB / n - meanB ** 2, sumAB / n - meanA * meanB];
  return ((2 * meanA * meanB + C1) * (2 * cov + C2)) / ((meanA ** 2 + meanB ** 2 + C1) * (varA + varB + C2));
}

function luma(rgb: Buffer): Float32Array {
  const out = new Float32Array(rgb.length / 3);
  for (let at = 0; at < out.length; at += 1)
    out[at] = 0.299 * rgb[at * 3]! + 0.587 * rgb[at * 3 + 1]! + 0.114 * rgb[at * 3 + 2]!;
  return out;
}
