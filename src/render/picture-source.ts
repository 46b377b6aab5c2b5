import type { HeldPlanes } from './engine/engine.ts';
import type { Cicp } from './formats/colour/cicp-profile.ts';
import type { ProfileColours } from './formats/colour/rgb-profile.ts';
import { freeNow, type Pixels, type Size } from './pixels.ts';

export interface OriginalLimits {
  /** Width × height of one frame. */
  readonly maxPixels: number;
  readonly maxFrames: number;
}

export interface DecodeLimits extends OriginalLimits {
  /** sharp gives up decoding after this many seconds; it does not stop every encoder. */
  readonly timeoutSeconds: number;
}

/**
 * From what a rendition is made. The `kind` decides what a source may be used for, never its size: a small original, its
 * lossy proxy image and the pixels of either all have the same one.
 */
export type PictureSource = OriginalSource | ProxySource | DownscaledSource;

export interface OriginalSource {
  readonly kind: 'original';
  /** The file as it was uploaded, or what libvips reads of it. */
  readonly body: Buffer;
  /** As it was uploaded, where `body` is another. */
  readonly file?: Buffer;
  /** The frame of an animation that stands for the picture; the first where left out. */
  readonly page?: number;
  readonly header: OriginalHeader;
}

export interface ProxySource {
  readonly kind: 'proxy';
  /** A JPEG, see `PROXY_JPEG`; of a decoder's original see stages/dear-proxy.ts. */
  readonly body: Buffer;
  /** With what its own file says of its colours. */
  readonly header: PictureHeader & Pick<OriginalHeader, 'orientation' | 'colours' | 'bareInks'>;
}

/** The downscaled decode of an original. */
export interface PixelSource {
  readonly kind: 'pixels';
  readonly pixels: Pixels;
  /** Pixels that were decoded from a proxy image have its losses. */
  readonly decodedFrom: 'original' | 'proxy';
  readonly header: PictureHeader;
}

/** The same as the engine keeps it: planes, in the original's own colours, not turned yet. Freed by its holder. */
export interface PlaneSource {
  readonly kind: 'planes';
  readonly planes: HeldPlanes;
  readonly decodedFrom: 'original';
  /** Of the original, but for what was done to it: `stored` is the size of the planes, upright. */
  readonly header: OriginalHeader;
}

export type DownscaledSource = PixelSource | PlaneSource;

/** A downscaled decode that has not been made yet: its header says the size that it will have. Planned planes may turn out to be pixels. */
export type PlannedDecode = Omit<PixelSource, 'pixels' | 'kind'> & { readonly kind: DownscaledSource['kind'] };

/** Bytes of memory. */
export function bytesOf(source: DownscaledSource): number {
  return source.kind === 'planes' ? source.planes.bytes : source.pixels.data.length;
}

/** The same decode for another holder, who frees its own planes. Pixels have no holders: the last one may free them. */
export function shared<S extends DownscaledSource>(source: S): S {
  return source.kind === 'planes' ? { ...source, planes: source.planes.share() } : source;
}

/** Frees what its only holder does not need any more; of planes the holder's share. */
export function free(source: DownscaledSource): void {
  if (source.kind === 'planes') source.planes.free();
  else freeNow(source.pixels.data);
}

/** The original, and how the pixels of its source are stored. */
export interface PictureHeader {
  /** Of the original, whatever the source is: its format, and the upright size of one frame in pixels. */
  readonly format: string;
  readonly size: Size;
  readonly frames: number;
  /** Why all frames but the first are left out of its file; undefined where none is. Then `frames` may be counted in part. */
  readonly others?: 'too many' | 'broken' | undefined;
  /** Milliseconds each frame is shown, and how often all are (0 for ever); of animations only. */
  readonly delays: readonly number[] | undefined;
  readonly loop: number | undefined;
  readonly hasAlpha: boolean;
  /** Of what is decoded: its upright size in pixels, smaller than `size` where the source is downscaled. */
  readonly stored: Size;
  /** The format, and what makes some of its files more expensive to decode: see `DECODING` in cost-estimate.ts. */
  readonly coding: string;
  /** Stored on its side or mirrored: it is turned by pixels. */
  readonly turned: boolean;
  readonly hasProfile: boolean;
  /** That profile has no colours but those of sRGB, so that a rendition in Display P3 would show no more. */
  readonly narrow?: boolean | undefined;
  /** The original's pixels are read by this decoder, outside sharp: see `suffices` for what that means for its renditions. */
  readonly decoder?: string | undefined;
  /** More than 8 bits a channel. */
  readonly deep: boolean;
  /** The raw EXIF block; of sources that serve a recipe that keeps the copyright. */
  readonly exif: Buffer | undefined;
}

/** What libvips reads otherwise than its file means, and no profile can say: see `mended`. */
export interface Mend {
  /** Red, green and blue were multiplied by alpha. */
  readonly premultiplied?: boolean;
  /** Of red, green and blue, or of alpha: 16 to 235 of 255 stand for 0 to 255. */
  readonly limited?: boolean;
  readonly limitedAlpha?: boolean;
  /** Grey whose profile sharp does not apply, or not well, or HDR: it is read as red, green and blue with this one. */
  readonly profile?: Buffer;
}

export interface OriginalHeader extends PictureHeader {
  /** EXIF's number for how it is turned, 2 to 8; absent where it is stored upright. */
  readonly orientation?: number;
  readonly mend?: Mend | undefined;
  /** Of a JPEG in colour: what its profile says, where that is no more than curves and a matrix. */
  readonly colours?: ProfileColours | undefined;
  /** Its profile says PQ or HLG; of what is read, where that was not replaced yet. */
  readonly hdr?: Cicp | undefined;
  /** Cyan, magenta, yellow and black, without a profile for them. */
  readonly bareInks?: boolean;
  /** Needs no conversion to be shown: not turned, no profile, 8 bits a channel, red, green and blue. */
  readonly plain: boolean;
}
