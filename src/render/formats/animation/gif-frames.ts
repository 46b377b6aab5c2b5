import type { Frames } from './frames.ts';

const BLOCK = { extension: 0x21, image: 0x2c, trailer: 0x3b, graphicControl: 0xf9 };
const SCREEN_END = 13;
const TRAILER = Buffer.from([BLOCK.trailer]);
/** Graphic control with a transparent colour, and one pixel of it. */
const TRANSPARENT_FRAME = Buffer.from(
  ['21f9040100000000', '2c0000000001000100', '80000000000000', '0202440100'].join(''),
  'hex',
);

/** GIF89a, sections 18 to 27. Undefined for other files and where the first frame does not end. */
export function gifFrames(gif: Buffer, most: number): Frames | undefined {
  if (gif.toString('latin1', 0, 3) !== 'GIF' || gif.length < SCREEN_END) return undefined;
  const [screenWidth, screenHeight] = [gif.readUInt16LE(6), gif.readUInt16LE(8)];
  let [frames, firstEnd, transparent, covered] = [0, 0, false, true];
  let at = SCREEN_END + colourTable(gif[10] ?? 0);
  while (at < gif.length && gif[at] !== BLOCK.trailer && frames <= most) {
    if (gif[at] === BLOCK.extension) {
      transparent ||= gif[at + 1] === BLOCK.graphicControl && ((gif[at + 3] ?? 0) & 1) === 1;
      at = endOfBlocks(gif, at + 2);
    } else if (gif[at] === BLOCK.image && at + 10 < gif.length) {
      const [left, top, width, height] = [1, 3, 5, 7].map((field) => gif.readUInt16LE(at + field)) as Box;
      if (frames === 0) covered = left + top === 0 && width >= screenWidth && height >= screenHeight;
      frames += 1;
      at = endOfBlocks(gif, at + 11 + colourTable(gif[at + 9] ?? 0));
      if (frames === 1) firstEnd = at;
    } else break;
  }
  if (firstEnd === 0 || firstEnd > gif.length) return undefined;
  return {
    count: frames,
    broken: at > gif.length,
    first: () => Buffer.concat([gif.subarray(0, firstEnd), TRAILER]),
    /** Parts of the screen that the first frame leaves out are transparent, but libvips tells so only of files that name a transparent colour. */
    uncovered: !covered && !transparent,
  };
}

type Box = [number, number, number, number];

/** The same picture with a frame more, behind all others, that names a transparent colour. */
export function withTransparentFrame(gif: Buffer): Buffer {
  const end = gif.at(-1) === BLOCK.trailer ? gif.length - 1 : gif.length;
  return Buffer.concat([gif.subarray(0, end), TRANSPARENT_FRAME, TRAILER]);
}

/** Bytes of the colour table that these flags announce. */
const colourTable = (flags: number) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);

/** Behind the sub-blocks that begin here; behind the end of the file where they do not end. */
function endOfBlocks(gif: Buffer, start: number): number {
  let at = start;
  for (; at < gif.length; at += 1 + gif[at]!) if (gif[at] === 0) return at + 1;
  return gif.length + 1;
}
