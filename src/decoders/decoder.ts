/**
 * The contract of a decoder for a format that sharp does not read. A decoder is a file in this folder with a function `decode`;
 * `formats.ts` says how its files are recognised, and `worker.ts`, where it runs, how it is loaded.
 *
 * It runs in a thread that does one picture at a time, and is asked for the whole picture, upright or not:
 *
 * - It is given `Wanted` and the bytes of the file, of which it is the only holder.
 * - It checks what the file says against `Wanted` before it allocates by it, calls `open` once with what the picture is, and
 *   fills the rows that it gets. `open` refuses what is over the limits, so a decoder needs no buffer of its own for the result.
 * - It may shrink by averaging what each pixel covers, as long as the longer side stays at least `side`. `open` is told the size
 *   after that.
 * - It throws a `DecodeError` for a file that cannot be decoded. Any other error, and a trap of WebAssembly, counts as the
 *   file's fault too, but ends the thread, whose memory is not trusted any more.
 * - It needs no limit of time: the thread is ended when it has used its CPU, and when the caller leaves.
 * - It opens no file and no connection. What it keeps between two pictures (compiled code, its heap) dies with the thread.
 */
export type Decode = (file: Uint8Array, wanted: Wanted, open: OpenRows) => void | Promise<void>;

export interface Wanted {
  /** Pixels that the longer side of the result must have, where the picture has so many; infinite for all of them. */
  readonly side: number;
  /** Width × height of the picture before it is shrunk. */
  readonly maxPixels: number;
}

/** What a decoder found. Width and height in pixels as the rows are stored, after shrinking and before turning. */
export interface DecodedHead {
  readonly width: number;
  readonly height: number;
  /** 8 bits each: grey; red, green, blue; the same with straight alpha behind. */
  readonly channels: 1 | 3 | 4;
  /** The four channels are cyan, magenta, yellow and black, 255 for all of an ink; they always come with a profile. */
  readonly ink?: boolean | undefined;
  /** How the rows are to be turned: EXIF's Orientation, 1 to 8 (CIPA DC-008, 4.6.4). */
  readonly orientation: number;
  /** The ICC profile of the values; none for sRGB. */
  readonly icc?: Uint8Array | undefined;
  /** Colours told by code points (ITU-T H.273) instead of a profile. The rows are full-range R'G'B' already. */
  readonly nclx?: CodedColours | undefined;
}

export interface CodedColours {
  readonly primaries: number;
  readonly transfer: number;
}

/** What the header of a file says, read on the main thread within a millisecond or so: it decides about limits and costs. */
export interface FileHeader {
  /** Upright, in pixels. */
  readonly width: number;
  readonly height: number;
  readonly hasAlpha: boolean;
  /** There will be a profile with the rows. */
  readonly hasProfile: boolean;
}

/** Gives the rows to fill: top row first, without padding. Throws a `DecodeError` when they would be too large. */
export type OpenRows = (head: DecodedHead) => Uint8Array;

/** `broken`: damaged. `unsupported`: right, and of a kind that is not decoded. `too_large`: over a limit of pixels or memory. */
export class DecodeError extends Error {
  readonly kind: 'broken' | 'unsupported' | 'too_large';
  constructor(kind: DecodeError['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

/** A decoded picture. Its rows lie in `memory` from `at` on, with free room for a header of `ROOM` bytes and the profile in front. */
export interface Decoded extends DecodedHead {
  readonly memory: ArrayBuffer;
  readonly at: number;
}

/** For a header in front of the rows, in bytes; the profile has room beside it. */
export const ROOM = 1024;

/** What is encoded as JPEG XL. */
export interface JxlPixels {
  /** Without padding, 8 bits a channel: red, green, blue; with straight alpha behind. */
  readonly rows: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
  /** The profile that the file is to carry; none for sRGB. */
  readonly icc?: Uint8Array | undefined;
  readonly settings: JxlSettings;
}

export interface JxlSettings {
  /** 1 to 100, of ImageMagick's scale: its distance is 0.1 and 0.09 for each step below 100, and falls faster below 30. */
  readonly quality: number;
  /** libjxl's, 1 to 9. */
  readonly effort: number;
  readonly lossless: boolean;
}
