import type { Matrix } from '../formats/colour/primaries.ts';
import type { Pixels } from '../pixels.ts';
import { levelsOf } from './colour/levels.ts';
import { luminanceOf, RAMP_STEPS, type Ramp, rampOf } from './colour/ramp.ts';
import { colourMatrix, toneCurve } from './colour/tone.ts';
import type { Adjust } from './effects.ts';
import { inParts } from './frames.ts';

/** Changes levels and colours, pixel by pixel, all frames alike. Alpha stays. */
export async function applyAdjust(pixels: Pixels, adjust: Adjust): Promise<Pixels> {
  const curve = toneCurve(adjust, adjust.normalize && levelsOf(pixels));
  const matrix = colourMatrix(adjust, luminanceOf(pixels));
  const ramp = adjust.toned && rampOf(adjust.toned, pixels);
  if (!curve && !matrix && !ramp) return pixels;
  const made = Buffer.allocUnsafeSlow(pixels.data.length);
  const { width, height, frames } = pixels;
  const change =
    matrix || ramp
      ? changeColours(pixels, made, curve ?? UNCHANGED, matrix ?? IDENTITY, ramp)
      : changeLevels(pixels, made, curve ?? UNCHANGED);
  await inParts(width * height * frames, change);
  return { ...pixels, data: made };
}

const UNCHANGED = Float32Array.from({ length: 256 }, (_, level) => level);
const IDENTITY: Matrix = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
];

function changeLevels({ data, channels }: Pixels, made: Buffer, curve: Float32Array) {
  const levels = Uint8Array.from(curve, Math.round);
  return (from: number, to: number) => {
    for (let at = from * channels; at < to * channels; at += channels) {
      made[at] = levels[data[at]!]!;
      made[at + 1] = levels[data[at + 1]!]!;
      made[at + 2] = levels[data[at + 2]!]!;
      if (channels === 4) made[at + 3] = data[at + 3]!;
    }
  };
}

function changeColours(
  { data, channels }: Pixels,
  made: Buffer,
  curve: Float32Array,
  [[rr, rg, rb], [gr, gg, gb], [br, bg, bb]]: Matrix,
  ramp: Ramp | undefined,
) {
  // Rounds and keeps to 0 and 255 by itself.
  const out = new Uint8ClampedArray(made.buffer, made.byteOffset, made.length);
  const { weights, colours, share } = ramp ?? NO_RAMP;
  const [wr, wg, wb] = weights;
  return (from: number, to: number) => {
    for (let at = from * channels; at < to * channels; at += channels) {
      const r = curve[data[at]!]!;
      const g = curve[data[at + 1]!]!;
      const b = curve[data[at + 2]!]!;
      let red = rr * r + rg * g + rb * b;
      let green = gr * r + gg * g + gb * b;
      let blue = br * r + bg * g + bb * b;
      if (share > 0) {
        red = bounded(red);
        green = bounded(green);
        blue = bounded(blue);
        const entry = 3 * Math.round(RAMP_STEPS * (wr * red + wg * green + wb * blue));
        red += (colours[entry]! - red) * share;
        green += (colours[entry + 1]! - green) * share;
        blue += (colours[entry + 2]! - blue) * share;
      }
      out[at] = red;
      out[at + 1] = green;
      out[at + 2] = blue;
      if (channels === 4) out[at + 3] = data[at + 3]!;
    }
  };
}

const NO_RAMP: Ramp = { weights: [0, 0, 0], colours: new Float32Array(3), share: 0 };

const bounded = (level: number) => (level < 0 ? 0 : level > 255 ? 255 : level);
