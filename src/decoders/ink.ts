/**
 * Inks without a profile, as browsers show such a JPEG: each takes its part of the light. `light`: what cyan, magenta, yellow and
 * black leave of it, 0 to 255. Writes three bytes.
 */
export function inkToRgb(light: ArrayLike<number>, to: Uint8Array, at: number): void {
  const black = light[3]! / 255;
  for (let n = 0; n < 3; n += 1) to[at + n] = light[n]! * black + 0.5;
}
