/** In pixels, integers. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A picture's size with a longer side of at most `side` pixels, never larger than it is. */
export function sizeWithin(side: number, { width, height }: Size): Size {
  const scale = Math.min(1, side / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

export function sameSize(a: Size, b: Size): boolean {
  return a.width === b.width && a.height === b.height;
}

/** A part of a picture, in pixels from its upper left corner. */
export interface Box extends Size {
  readonly left: number;
  readonly top: number;
}

/** Upright sRGB pixels, 8 bits a channel, 3 channels or 4 with straight alpha. `height` of one frame; frames below each other. */
export interface Pixels extends Size {
  readonly data: Buffer;
  readonly channels: 3 | 4;
  readonly frames: number;
  /** The numbers are of Display P3, not of sRGB. Only pixels on their way through effects are, and one frame of them. */
  readonly wide?: boolean;
  /** The fourth channel is 255 everywhere. */
  readonly opaque?: boolean;
  /** All that the fourth channel says: no part of the picture was transparent before a shape was cut out of it. */
  readonly cut?: Alpha | undefined;
}

/** How opaque each pixel of a picture of one frame is. */
export interface Alpha {
  /** One byte each, without padding. */
  levels(): Buffer;
  /** All that decides it: the same for the same shape of the same size, whatever the picture. */
  readonly key: string;
}

/**
 * Frees a buffer of sharp's at once instead of at V8's next full collection. Only its last holder may call this: later reads
 * find the buffer empty, and a thread that still reads it would read memory of another object.
 */
export function freeNow({ buffer, byteOffset, length }: Buffer): void {
  // A view of a larger allocation shares its memory with other buffers.
  if (buffer instanceof ArrayBuffer && byteOffset === 0 && buffer.byteLength === length) buffer.transfer(0);
}
