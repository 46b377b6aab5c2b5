/** RGBA, 8 bits a channel; width and height in pixels. */
export interface Picture {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/** A part of a picture, in its pixels. */
export interface Area {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The same picture where the part is all of it. */
export function cut(whole: Picture, part: Area): Picture {
  const { data, width } = whole;
  if (part.width === width && part.height === whole.height) return whole;
  const out = new Uint8ClampedArray(part.width * part.height * 4);
  for (let y = 0; y < part.height; y += 1) {
    const from = ((part.top + y) * width + part.left) * 4;
    out.set(data.subarray(from, from + part.width * 4), y * part.width * 4);
  }
  return { data: out, width: part.width, height: part.height };
}
