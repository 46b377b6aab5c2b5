import { tableProfile } from './icc-profile.ts';
import { BT_709, toConnectionSpace } from './primaries.ts';
import { srgbToLinear } from './transfer.ts';

/** Along each of the four inks: 0.5 MB in all, and within half a level of the product. */
const POINTS = 17;

let known: Buffer | undefined;

/**
 * Print colours without a profile, as every browser shows them: each of red, green and blue is what its ink and black let through,
 * (1 - ink) · (1 - black), in sRGB.
 */
function printProfile(): Buffer {
  const toXyz = toConnectionSpace(BT_709);
  if (!toXyz) throw new Error('the primaries of BT.709 span a space');
  known ??= tableProfile('inks on white', {
    ...{ channels: 4, points: POINTS, decode: srgbToLinear, toXyz },
    entry: ([cyan = 0, magenta = 0, yellow = 0, black = 0]) => [
      (1 - cyan) * (1 - black),
      (1 - magenta) * (1 - black),
      (1 - yellow) * (1 - black),
    ],
  });
  return known;
}

const SEGMENT = { marker: 0xe2, name: Buffer.from('ICC_PROFILE\0', 'latin1'), most: 65_519 };

/** The same JPEG of four channels with that profile in place of any other. */
export const withPrintProfile = (jpeg: Buffer): Buffer => withJpegProfile(jpeg, printProfile());

/** The same JPEG with this profile in place of any other: in segments of at most 64 KiB, ICC.1:2022, B.4. */
export function withJpegProfile(jpeg: Buffer, profile: Buffer): Buffer {
  const count = Math.ceil(profile.length / SEGMENT.most);
  const segments = Array.from({ length: count }, (_, n) => {
    const part = profile.subarray(n * SEGMENT.most, (n + 1) * SEGMENT.most);
    const head = Buffer.from([0xff, SEGMENT.marker, 0, 0]);
    head.writeUInt16BE(2 + SEGMENT.name.length + 2 + part.length, 2);
    return [head, SEGMENT.name, Buffer.from([n + 1, count]), part];
  });
  return Buffer.concat([jpeg.subarray(0, 2), ...segments.flat(), ...withoutProfile(jpeg)]);
}

/** What follows the start of a JPEG, without the segments of a profile that is of no use. */
function withoutProfile(jpeg: Buffer): Buffer[] {
  const kept: Buffer[] = [];
  let at = 2;
  // Up to the frame, or to where segments no longer follow each other.
  while (at + 4 <= jpeg.length && jpeg.readUInt8(at) === 0xff && (jpeg.readUInt8(at + 1) & 0xf0) === 0xe0) {
    const end = at + 2 + jpeg.readUInt16BE(at + 2);
    const own = jpeg.readUInt8(at + 1) === SEGMENT.marker && jpeg.subarray(at + 4, at + 16).equals(SEGMENT.name);
    if (!own) kept.push(jpeg.subarray(at, end));
    at = end;
  }
  return [...kept, jpeg.subarray(at)];
}
