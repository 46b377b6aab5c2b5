import type { Pixels, Size } from './pixels.ts';

export interface OriginalLimits {
  /** Width × height of one frame. */
  readonly maxPixels: number;
  readonly maxFrames: number;
}

export interface DecodeLimits extends OriginalLimits {
  /** sharp gives up decoding after this many seconds; it does not stop every encoder. */
  readonly timeoutSeconds: number;
}

/** An original, or what stands in for it (see downscaled.ts), and what the original's header says. */
export interface Examined {
  readonly body: Buffer | Pixels;
  readonly header: OriginalHeader;
}

/** What the header of an original says. */
export interface OriginalHeader {
  readonly format: string;
  /** Upright size of one frame in pixels. */
  readonly size: Size;
  /** What is really decoded, upright: fewer pixels than `size` where something stands in for the original. */
  readonly stored: Size;
  readonly frames: number;
  /** Milliseconds each frame is shown, and how often all are (0 for ever); of animations only. */
  readonly delays: readonly number[] | undefined;
  readonly loop: number | undefined;
  readonly hasAlpha: boolean;
  /** The format, and what makes some of its files dearer to decode: see `DECODING` in cost-estimate.ts. */
  readonly coding: string;
  /** Stored lying on its side or mirrored: it is turned by pixels. */
  readonly turned: boolean;
  /** Stored as it is to be seen: no turn, no profile, 8 bits, red, green and blue. */
  readonly plain: boolean;
  readonly hasProfile: boolean;
  /** More than 8 bits a channel. */
  readonly deep: boolean;
  /** The raw EXIF block. */
  readonly exif: Buffer | undefined;
}
