/** One transformation of ISO/IEC 23008-12, 6.5.10 and 6.5.12: anticlockwise degrees, or a mirror image left to right or top to bottom. */
export type Turn =
  | { readonly kind: 'rotate'; readonly degrees: number }
  | { readonly kind: 'mirror'; readonly across: boolean };

/** EXIF's Orientation by how often the picture is turned clockwise by 90°, after it was mirrored left to right or not. */
const PLAIN = [1, 6, 3, 8] as const;
const MIRRORED = [2, 7, 4, 5] as const;

/** What these transformations do one after another, as EXIF's Orientation (CIPA DC-008, 4.6.4). */
export function orientationOf(turns: readonly Turn[]): number {
  let [mirrored, quarters] = [false, 0];
  for (const turn of turns) {
    if (turn.kind === 'rotate') quarters += (360 - turn.degrees) / 90;
    else {
      // Mirrored after a turn is turned the other way after a mirror; top to bottom is left to right and half a turn.
      mirrored = !mirrored;
      quarters = -quarters + (turn.across ? 0 : 2);
    }
  }
  return (mirrored ? MIRRORED : PLAIN)[((quarters % 4) + 4) % 4] ?? 1;
}
