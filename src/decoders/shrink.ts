/** Averaging of k × k pixels, on the way from a decoded tile to the rows of the result. */

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Where shrunk pixels go: rows of `size`, each pixel of them the mean of `k` × `k`. */
export interface Shrunk {
  readonly rows: Uint8Array;
  readonly channels: 1 | 3 | 4;
  /** The four channels are inks, none of them alpha. */
  readonly ink?: boolean | undefined;
  readonly k: number;
  readonly size: Size;
  /** Colours were multiplied by their alpha. */
  readonly premultiplied?: boolean;
}

/** Decoded pixels, and where they belong in the unshrunk picture. What lies outside of it is left out. */
export interface Tile extends Size {
  readonly pixels: Uint8Array;
  /** Bytes from one row to the next. */
  readonly stride: number;
  readonly left: number;
  readonly top: number;
}

const FACTORS = [8, 4, 2];

/** The largest factor that leaves the longer side at least `side`, and the size that it gives. */
export function shrinkTo({ width, height }: Size, side: number): Pick<Shrunk, 'k' | 'size'> {
  const k = FACTORS.find((factor) => Math.max(width, height) / factor >= side) ?? 1;
  return { k, size: { width: Math.ceil(width / k), height: Math.ceil(height / k) } };
}

export function shrinkInto(target: Shrunk, tile: Tile): void {
  const { channels, ink, k } = target;
  // Straight pixels stay what they are.
  const kept = k === 1 && target.premultiplied !== true;
  if (kept) copy(target, tile);
  else if (channels === 4 && !ink) averageWithAlpha(target, tile);
  else if (channels === 3) average(target, tile);
  else averageEach(target, tile);
}

function copy({ rows, size, channels }: Shrunk, { pixels, stride, width, height, left, top }: Tile): void {
  const bytes = Math.min(width, size.width - left) * channels;
  const bottom = Math.min(height, size.height - top);
  for (let y = 0; y < bottom && bytes > 0; y += 1)
    rows.set(pixels.subarray(y * stride, y * stride + bytes), ((top + y) * size.width + left) * channels);
}

/** The mean of each block; of fewer pixels at the right and lower edge. */
function average({ rows, size, k }: Shrunk, { pixels, stride, width, height, left, top }: Tile): void {
  const firstX = left / k;
  const firstY = top / k;
  const across = Math.min(Math.ceil(width / k), size.width - firstX);
  const down = Math.min(Math.ceil(height / k), size.height - firstY);
  for (let y = 0; y < down; y += 1) {
    const tall = Math.min(k, height - y * k);
    let to = ((firstY + y) * size.width + firstX) * 3;
    for (let x = 0; x < across; x += 1, to += 3) {
      const wide = Math.min(k, width - x * k);
      const count = wide * tall;
      let [red, green, blue] = [count >> 1, count >> 1, count >> 1];
      for (let j = 0; j < tall; j += 1) {
        let at = (y * k + j) * stride + x * k * 3;
        for (let i = 0; i < wide; i += 1, at += 3) {
          red += pixels[at]!;
          green += pixels[at + 1]!;
          blue += pixels[at + 2]!;
        }
      }
      rows[to] = red / count;
      rows[to + 1] = green / count;
      rows[to + 2] = blue / count;
    }
  }
}

/** Colours weigh as much as they are visible; the result is straight. */
function averageWithAlpha(target: Shrunk, { pixels, stride, width, height, left, top }: Tile): void {
  const { rows, size, k, premultiplied = false } = target;
  const across = Math.min(Math.ceil(width / k), size.width - left / k);
  const down = Math.min(Math.ceil(height / k), size.height - top / k);
  for (let y = 0; y < down; y += 1) {
    for (let x = 0; x < across; x += 1) {
      const [tall, wide] = [Math.min(k, height - y * k), Math.min(k, width - x * k)];
      let [red, green, blue, alpha] = [0, 0, 0, 0];
      for (let j = 0; j < tall; j += 1) {
        let at = (y * k + j) * stride + x * k * 4;
        for (let i = 0; i < wide; i += 1, at += 4) {
          const own = pixels[at + 3]!;
          const weight = premultiplied ? 255 : own;
          red += pixels[at]! * weight;
          green += pixels[at + 1]! * weight;
          blue += pixels[at + 2]! * weight;
          alpha += own;
        }
      }
      const to = ((top / k + y) * size.width + left / k + x) * 4;
      const seen = Math.max(1, alpha);
      rows[to] = Math.min(255, red / seen + 0.5);
      rows[to + 1] = Math.min(255, green / seen + 0.5);
      rows[to + 2] = Math.min(255, blue / seen + 0.5);
      rows[to + 3] = alpha / (wide * tall) + 0.5;
    }
  }
}

/** The mean of each block, of channels that have nothing to do with each other. */
function averageEach({ rows, size, k, channels }: Shrunk, { pixels, stride, width, height, left, top }: Tile): void {
  const across = Math.min(Math.ceil(width / k), size.width - left / k);
  const down = Math.min(Math.ceil(height / k), size.height - top / k);
  for (let y = 0; y < down; y += 1)
    for (let x = 0; x < across; x += 1) {
      const [tall, wide] = [Math.min(k, height - y * k), Math.min(k, width - x * k)];
      for (let channel = 0; channel < channels; channel += 1) {
        let sum = (tall * wide) >> 1;
        for (let j = 0; j < tall; j += 1)
          for (let i = 0; i < wide; i += 1) sum += pixels[(y * k + j) * stride + (x * k + i) * channels + channel]!;
        rows[((top / k + y) * size.width + left / k + x) * channels + channel] = sum / (tall * wide);
      }
    }
}
