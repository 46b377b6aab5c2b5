/**
 * A hash that stays nearly the same when a picture is encoded again, scaled or cropped a little: the signs of its 64 lowest
 * frequencies against their median (pHash, https://www.phash.org/docs/pubs/thesis_zauner.pdf, 3.2.1). Two hashes are compared by the
 * number of bits in which they differ.
 */

const SIDE = 32;
const FREQUENCIES = 8;

/** Cosines of the frequencies 1 to 8 (0 is the mean, which says nothing of the picture) at 32 points. */
const COSINES = Array.from({ length: FREQUENCIES }, (_, frequency) =>
  Float64Array.from({ length: SIDE }, (_each, point) =>
    Math.cos((Math.PI * (2 * point + 1) * (frequency + 1)) / (2 * SIDE)),
  ),
);

/** 16 hexadecimal digits. `luma`: a byte a pixel. */
export function perceptualHash(luma: Uint8Array, width: number, height: number): string {
  const small = averaged(luma, width, height);
  const amounts: number[] = [];
  for (const vertical of COSINES) {
    const columns = Float64Array.from({ length: SIDE }, (_, x) => {
      let sum = 0;
      for (let y = 0; y < SIDE; y += 1) sum += small[y * SIDE + x]! * vertical[y]!;
      return sum;
    });
    for (const horizontal of COSINES) {
      let sum = 0;
      for (let x = 0; x < SIDE; x += 1) sum += columns[x]! * horizontal[x]!;
      amounts.push(sum);
    }
  }
  const median = amounts.toSorted((a, b) => a - b)[amounts.length / 2]!;
  let bits = 0n;
  for (const amount of amounts) bits = (bits << 1n) | (amount > median ? 1n : 0n);
  return bits.toString(16).padStart(16, '0');
}

/** 32 × 32 means of the picture, whatever its shape: pixels at the edges of two fields count for both by their share. */
function averaged(luma: Uint8Array, width: number, height: number): Float64Array {
  const [columns, rows] = [fieldsOf(width), fieldsOf(height)];
  const small = new Float64Array(SIDE * SIDE);
  const inRow = new Float64Array(SIDE);
  for (let y = 0; y < height; y += 1) {
    inRow.fill(0);
    addRow(inRow, luma, y * width, columns);
    for (let n = rows.from[y]!; n < rows.from[y + 1]!; n += 1) {
      const [at, share] = [rows.field[n]! * SIDE, rows.share[n]!];
      for (let column = 0; column < SIDE; column += 1) small[at + column]! += inRow[column]! * share;
    }
  }
  return small;
}

function addRow(inRow: Float64Array, luma: Uint8Array, start: number, { from, field, share }: Fields): void {
  for (let x = 0, n = 0; x < from.length - 1; x += 1) {
    const level = luma[start + x]!;
    for (const end = from[x + 1]!; n < end; n += 1) inRow[field[n]!] = inRow[field[n]!]! + level * share[n]!;
  }
}

/** The fields that the pixels of a side lie in, and how much of a field each pixel covers: of pixel n from `from[n]` to `from[n + 1]`. */
interface Fields {
  readonly from: Int32Array;
  readonly field: Int32Array;
  readonly share: Float64Array;
}

function fieldsOf(length: number): Fields {
  const width = SIDE / length;
  const [starts, fields, shares]: [number[], number[], number[]] = [[0], [], []];
  for (let pixel = 0; pixel < length; pixel += 1) {
    const [from, to] = [pixel * width, (pixel + 1) * width];
    for (let at = Math.min(SIDE - 1, Math.floor(from)); at < Math.min(SIDE, to); at += 1) {
      fields.push(at);
      shares.push(Math.min(to, at + 1) - Math.max(from, at));
    }
    starts.push(fields.length);
  }
  return { from: Int32Array.from(starts), field: Int32Array.from(fields), share: Float64Array.from(shares) };
}
