import type { Vector } from './primaries.ts';

/**
 * HDR is shown on screens that are not by the Reference White Tone Mapping Operator of ISO 22028-5 and SMPTE ST 2094-50, annex C,
 * as Chromium does: light is measured in BT.2020 by the largest of red, green and blue; up to the white of paper, 203 nits
 * (ITU-R BT.2408), it is halved; from there up to the brightest light, 1,000 nits unless the file says another, it is bent
 * into what is left, by a quadratic Bézier curve. Hues stay, because all three are scaled by one factor.
 */
export const PAPER_NITS = 203;
export const PEAK_NITS = 1000;

/** Where between its ends the curve bends, annex C.2.2. */
const KAPPA = 0.65;

/** From light in BT.2020, where 1 is the white of paper, to the light of an ordinary screen, 0 to 1. */
export function toneMap(peakNits: number): (light: Vector) => Vector {
  const factor = factors(Math.max(peakNits, PAPER_NITS));
  return ([red, green, blue]) => {
    const scale = factor(Math.max(red, green, blue));
    return [red * scale, green * scale, blue * scale];
  };
}

function factors(peakNits: number): (brightest: number) => number {
  const brightness = peakNits / PAPER_NITS;
  const paper = 1 - 0.5 * Math.min(Math.log2(brightness) / Math.log2(PEAK_NITS / PAPER_NITS), 1);
  const middle = { x: 1 - KAPPA + KAPPA / paper, y: (1 - KAPPA) * paper + KAPPA };
  // Both coordinates are from + t · (once + t · twice).
  const [xTwice, yTwice] = [1 - 2 * middle.x + brightness, paper - 2 * middle.y + 1];
  const [xOnce, yOnce] = [2 * (middle.x - 1), 2 * (middle.y - paper)];
  return (brightest) => {
    if (brightest <= 1) return paper;
    if (brightest >= brightness) return 1 / brightest;
    const beyond = brightest - 1;
    const t = (2 * beyond) / (xOnce + Math.sqrt(xOnce * xOnce + 4 * xTwice * beyond));
    return (paper + t * (yOnce + t * yTwice)) / brightest;
  };
}

/** How bright the display is that HLG is graded for, and the gamma of such a display (ITU-R BT.2100-2, table 5). */
const HLG_NITS = 1000;
const HLG_GAMMA = 1.2;
/** Luminance of BT.2020's red, green and blue. */
const LUMINANCE: Vector = [0.2627, 0.678, 0.0593];

/** From HLG's scene, in BT.2020 and 0 to 1, to the light of its display, where 1 is the white of paper. */
export function displayedHlg([red, green, blue]: Vector): Vector {
  const luminance = LUMINANCE[0] * red + LUMINANCE[1] * green + LUMINANCE[2] * blue;
  const scale = luminance <= 0 ? 0 : (luminance ** (HLG_GAMMA - 1) * HLG_NITS) / PAPER_NITS;
  return [red * scale, green * scale, blue * scale];
}
