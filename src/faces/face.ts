/** A face in fractions (0 to 1) of the upright original; `score` is the detector's confidence, 0 to 1. */
export interface Face {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly score: number;
  /** Height of the eyes in the picture, as a fraction. */
  readonly eyesY: number;
}

/** Whether this is a face as above; what a thread or a file says may be anything. */
export function isFace(value: unknown): value is Face {
  const face = value as Face | null;
  const numbers = [face?.left, face?.top, face?.width, face?.height, face?.score, face?.eyesY];
  return numbers.every((number) => typeof number === 'number' && number >= 0 && number <= 1);
}

/** RGBA, 8 bits a channel, upright sRGB without transparency. */
export interface Probe {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}
