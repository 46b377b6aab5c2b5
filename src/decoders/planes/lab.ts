/**
 * CIELab of 8 bits as TIFF stores it (TIFF 6.0, section 23): L* from 0 to 255, a* and b* with a sign. Of daylight D50, as Photoshop writes
 * it and as libtiff and Little CMS read it; ImageMagick takes D65, which is up to 55 levels off.
 */

/** From L*, a*, b* to cube roots of X, Y, Z beside those of white (CIE 15, 8.2.1). */
const ROOT_OF_Y = Float64Array.from({ length: 256 }, (_, level) => ((level * 100) / 255 + 16) / 116);
const signed = (byte: number) => (byte < 128 ? byte : byte - 256);
const A = Float64Array.from({ length: 256 }, (_, byte) => signed(byte) / 500);
const B = Float64Array.from({ length: 256 }, (_, byte) => signed(byte) / 200);
const WHITE = { x: 0.9642, z: 0.8249 };
/** From here on a root is a root. */
const LINEAR_TO = 6 / 29;
const light = (root: number) => (root > LINEAR_TO ? root * root * root : 3 * LINEAR_TO ** 2 * (root - 4 / 29));

/** sRGB's curve (IEC 61966-2-1) in steps that are finer than a level in the darkest parts too. */
const STEPS = 8192;
const ENCODED = Uint8Array.from({ length: STEPS + 1 }, (_, step) => {
  const value = step / STEPS;
  return Math.round(255 * (value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055));
});
const encode = (value: number) => ENCODED[Math.round(STEPS * Math.min(1, Math.max(0, value)))]!;

/** To sRGB, in place. `channels`: with alpha behind, or without. */
export function labToSrgb(band: Uint8Array, channels: number): void {
  for (let at = 0; at + 2 < band.length; at += channels) {
    const root = ROOT_OF_Y[band[at]!]!;
    const x = WHITE.x * light(root + A[band[at + 1]!]!);
    const y = light(root);
    const z = WHITE.z * light(root - B[band[at + 2]!]!);
    // From D50 to sRGB's primaries and D65 by Bradford's matrix.
    band[at] = encode(3.1338561 * x - 1.6168667 * y - 0.4906146 * z);
    band[at + 1] = encode(-0.9787684 * x + 1.9161415 * y + 0.033454 * z);
    band[at + 2] = encode(0.0719453 * x - 0.2289914 * y + 1.4052427 * z);
  }
}
