/** Pictures as browsers show them, and how far two of them lie apart. */

/** Rows of red, green, blue and alpha in sRGB, 8 bits each, colours not multiplied by alpha. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** In levels of 255; of one on black and one on white, the larger, so that alpha counts as it is seen. */
export interface Difference {
  /** Of all samples. */
  readonly mean: number;
  /** The worst mean of a square of `BLOCK_PX`: a lost row or corner shows here, where a mean over millions of pixels hides it. */
  readonly block: number;
  /** The worst sample. Decoders that interpolate chroma in another way differ by dozens of levels along saturated edges. */
  readonly worst: number;
  /** Where the sizes differ nothing else is compared. */
  readonly sizes?: string;
}

const BLOCK_PX = 8;
/** Both must hold. A picture that is washed out, turned, of wrong colours or cut off is far beyond them. */
export const AGREES = { mean: 1.5, block: 24 } as const;

export function agree({ mean, block }: Difference): boolean {
  return mean <= AGREES.mean && block <= AGREES.block;
}

export function differenceOf(one: Pixels, other: Pixels): Difference {
  const { width, height } = one;
  if (width !== other.width || height !== other.height) {
    const sizes = `${width} × ${height} for ${other.width} × ${other.height}`;
    return { mean: 255, block: 255, worst: 255, sizes };
  }
  const onBlack = backdropDifference(one, other, 0);
  if (isOpaque(one) && isOpaque(other)) return onBlack;
  const onWhite = backdropDifference(one, other, 255);
  const larger = (of: 'mean' | 'block' | 'worst') => Math.max(onBlack[of], onWhite[of]);
  return { mean: larger('mean'), block: larger('block'), worst: larger('worst') };
}

function isOpaque({ data }: Pixels): boolean {
  for (let at = 3; at < data.length; at += 4) if (data[at] !== 255) return false;
  return true;
}

function backdropDifference({ width, height, data: a }: Pixels, { data: b }: Pixels, backdrop: number): Difference {
  const blocks = new Float64Array(Math.ceil(width / BLOCK_PX));
  let [sum, worst, block] = [0, 0, 0];
  for (let top = 0; top < height; top += BLOCK_PX) {
    const bottom = Math.min(height, top + BLOCK_PX);
    blocks.fill(0);
    for (let at = top * width * 4, pixel = 0; at < bottom * width * 4; at += 4, pixel += 1) {
      const [alphaA, alphaB] = [a[at + 3] as number, b[at + 3] as number];
      for (let sample = at; sample < at + 3; sample += 1) {
        const onA = (a[sample] as number) * alphaA + backdrop * (255 - alphaA);
        const onB = (b[sample] as number) * alphaB + backdrop * (255 - alphaB);
        const apart = Math.abs(onA - onB) / 255;
        if (apart === 0) continue;
        if (apart > worst) worst = apart;
        sum += apart;
        const column = Math.floor((pixel % width) / BLOCK_PX);
        blocks[column] = (blocks[column] as number) + apart;
      }
    }
    blocks.forEach((total, column) => {
      const pixels = (bottom - top) * Math.min(BLOCK_PX, width - column * BLOCK_PX);
      block = Math.max(block, total / (pixels * 3));
    });
  }
  return { mean: sum / (width * height * 3), worst, block };
}
