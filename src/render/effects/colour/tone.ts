import { type Matrix, product } from '../../formats/colour/primaries.ts';
import type { Adjust } from '../effects.ts';
import type { LevelChange } from './levels.ts';
import type { Levels } from './paint.ts';

/** Levels of 0 to 255 by those before, not rounded; undefined where none changes. */
export function toneCurve(
  { brightness = 1, contrast = 1, gamma = 1 }: Adjust,
  levels: LevelChange | undefined,
): Float32Array | undefined {
  if (!levels && brightness === 1 && contrast === 1 && gamma === 1) return undefined;
  return Float32Array.from({ length: 256 }, (_, before) => {
    const level = levels ? changed(before / 255, levels) : before / 255;
    const lit = bounded((bounded(level * brightness) - 0.5) * contrast + 0.5);
    return 255 * (gamma === 1 ? lit : lit ** (1 / gamma));
  });
}

function changed(before: number, { black, gain, fill }: LevelChange): number {
  const level = bounded((before - black) * gain);
  return bounded(level * (1 + fill * (1 - level) ** 2));
}

const bounded = (level: number) => Math.min(1, Math.max(0, level));

/** Rows for red, green and blue: what each takes of the three. Undefined where no colour changes. `luminance`: weights of a grey. */
export function colourMatrix({ saturation = 1, hue = 0, toned }: Adjust, luminance: Levels): Matrix | undefined {
  const steps = [
    ...(saturation === 1 ? [] : [saturate(saturation)]),
    ...(hue === 0 ? [] : [rotateHue(hue)]),
    ...(toned && 'grayscale' in toned ? [[luminance, luminance, luminance] as const] : []),
  ];
  return steps.length === 0 ? undefined : steps.reduce((first, then) => product(then, first));
}

/** Filter Effects Module Level 1, 9.6: feColorMatrix, type saturate. */
function saturate(by: number): Matrix {
  const [r, g, b] = [0.213 * (1 - by), 0.715 * (1 - by), 0.072 * (1 - by)];
  return [
    [r + by, g, b],
    [r, g + by, b],
    [r, g, b + by],
  ];
}

/** The same, type hueRotate. */
function rotateHue(degrees: number): Matrix {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  return [
    [0.213 + cos * 0.787 - sin * 0.213, 0.715 - cos * 0.715 - sin * 0.715, 0.072 - cos * 0.072 + sin * 0.928],
    [0.213 - cos * 0.213 + sin * 0.143, 0.715 + cos * 0.285 + sin * 0.14, 0.072 - cos * 0.072 - sin * 0.283],
    [0.213 - cos * 0.213 - sin * 0.787, 0.715 - cos * 0.715 + sin * 0.715, 0.072 + cos * 0.928 + sin * 0.072],
  ];
}
