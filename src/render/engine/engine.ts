import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { RgbConversion } from '../formats/colour/rgb-profile.ts';

/** The version that `npm run build:engine` builds, as in engine/Cargo.toml; part of every rendition's key. */
export const ENGINE = '1.3.0';

/** Beside this file, or beside the bundle. Optional: see engine/README.md. */
const ADDON = new URL('./native/darkroom-engine.node', import.meta.url);
export const hasEngine = existsSync(ADDON);

/** One picture for the engine to make: numbers, and nothing that it would have to know of recipes. */
export interface EngineJob {
  /** Pixels of the file as it is stored; it is declined where its header says otherwise. */
  readonly storedWidth: number;
  readonly storedHeight: number;
  /** The part that is shown, in these pixels, not upright yet; fractions count. */
  readonly left: number;
  readonly top: number;
  readonly across: number;
  readonly down: number;
  /** Of the result, upright: at most 8192 a side, and not larger than the part. */
  readonly width: number;
  readonly height: number;
  /** EXIF's number, 1 to 8, of the way in which the part is turned. */
  readonly orientation: number;
  /**
   * `pixels`: red, green and blue, 8 bits each; halved, two by two of one colour, for an encoder to 4:2:0. `planes`: those of 4:2:0 behind
   * each other, without padding, full-range BT.601; nothing is made where planes are only kept. A glance is pixels by the quickest way; alpha is 255.
   */
  readonly output: 'webp' | 'jpeg' | 'planes' | 'nothing' | 'pixels' | 'halved pixels' | 'glance' | 'glance with alpha';
  /** 1 to 100 on the encoder's own scale. */
  readonly quality: number;
  /** libwebp's, 0 to 6. */
  readonly effort: number;
  /** Of a JPEG, and which of mozjpeg's tables of quantisers it has. */
  readonly progressive: boolean;
  readonly table: number;
  /** How its colours become those of sRGB; undefined where they are. */
  readonly colours?: RgbConversion | undefined;
  /** What may be drawn is declined. */
  readonly byLook: boolean;
  /** So much of what a Gaussian of 0.6 pixels takes of the brightness is added to it, 0 to 1, but not to what is kept. */
  readonly sharpen?: number | undefined;
  /** What is cut out of a WebP, a JPEG or planes. */
  readonly outline?: EngineOutline | undefined;
  readonly milliseconds: number;
  /** Without this processor's own instructions: for tests, which compare bytes. */
  readonly scalar?: boolean;
}

/** A box with round corners about the middle of the result, in its pixels. */
export interface EngineOutline {
  /** At most half of the result's sides. */
  readonly halfWidth: number;
  readonly halfHeight: number;
  /** At most the lesser of the two. */
  readonly radius: number;
  /** Red, green and blue outside of it, as a JPEG must have; undefined for nothing. */
  readonly ground?: readonly number[] | undefined;
}

/** Pixels to be written as a file, 4:2:0. */
export interface EncodeJob
  extends Pick<EngineJob, 'width' | 'height' | 'quality' | 'effort' | 'progressive' | 'table' | 'milliseconds'> {
  /** Alpha is kept by WebP; of a JPEG's pixels none may be transparent. */
  readonly channels: 3 | 4;
  readonly output: 'webp' | 'jpeg';
}

export interface EngineResult {
  /** Undefined where it was declined. */
  readonly body?: Buffer;
  /** Of planes or a WebP of which something was cut out: how opaque each pixel is, without padding. The WebP itself is opaque. */
  readonly alpha?: Buffer;
  /** `stopped`, `timeout`, or a word for what it does not take. */
  readonly declined?: string;
  /** Bytes that it held at the most, besides the file and what libjpeg and libwebp hold. */
  readonly peak: number;
}

/** A file to be decoded once, and kept as planes for several jobs. */
export interface HoldJob extends Pick<EngineJob, 'storedWidth' | 'storedHeight' | 'milliseconds'> {
  /** libjpeg decodes to so many eighths of the size: 1, 2, 4 or 8. */
  readonly eighths: number;
  /** By how much a second copy for glances is shrunk: 1 for none, else 2, 4 or 8, of which the eighths are a multiple. */
  readonly glance: number;
  /** It is declined where the planes are larger. */
  readonly mostBytes: number;
  /** A glance that is made at once. */
  readonly look?: EngineJob;
}

/** Planes outside V8's heap: 1.5 bytes a pixel with colours at half the size, up to 3 at the whole. */
export interface HeldPlanes {
  /** 0 where it was declined, or freed. */
  readonly bytes: number;
  readonly declined?: string | null;
  /** Of a job that kept them: as `EngineResult` has it. */
  readonly peak: number;
  /** The pixels of that look, or what a job made of what it kept; once, null where there is nothing. */
  takeMade(): Buffer | null;
  /** The same planes for another holder. */
  share(): HeldPlanes;
  /** Frees them at once, or when the jobs that work on them end and all who share them have freed theirs. Later jobs of this holder throw. */
  free(): void;
}

/** Implemented by engine/src/node.rs, node_held.rs and node_encode.rs. Jobs run on libuv's pool. */
export interface Engine {
  readonly Stop: new () => { stop(): void };
  version(): string;
  runsHere(): boolean;
  render(bytes: Buffer, job: EngineJob, stop: { stop(): void }): Promise<EngineResult>;
  hold(bytes: Buffer, job: HoldJob, stop: { stop(): void }): Promise<HeldPlanes>;
  /** As `render` of the file, from its planes: the same bytes where that would decode to as many eighths. */
  renderHeld(planes: HeldPlanes, job: EngineJob, stop: { stop(): void }): Promise<EngineResult>;
  encode(pixels: Buffer, job: EncodeJob, stop: { stop(): void }): Promise<EngineResult>;
  /** The brightness of a WebP of this size: 8 bits a pixel in full range, BT.601. */
  webpLuma(file: Buffer, width: number, height: number): Promise<EngineResult>;
  /** The similarity to brightness of what a JPEG with these quantisers would hold of it: see `Coder`. */
  jpegSsim(luma: Uint8Array, width: number, stripe: number, quantisers: readonly number[]): number;
  /** As `render`; what it scaled is kept where the job shows all of the picture, without the turn. Of no bytes where it cannot be. */
  keep(bytes: Buffer, job: EngineJob, stop: { stop(): void }): Promise<HeldPlanes>;
  keepHeld(planes: HeldPlanes, job: EngineJob, stop: { stop(): void }): Promise<HeldPlanes>;
}

/** Undefined where it is not `wanted`, was not built, or cannot run on this processor. Throws when it is of another version. */
export function loadEngine(wanted: boolean): Engine | undefined {
  if (!wanted || !hasEngine) return undefined;
  const engine: Engine = createRequire(import.meta.url)(fileURLToPath(ADDON));
  if (engine.version() !== ENGINE) throw new Error(`engine ${engine.version()} is built, but keys promise ${ENGINE}`);
  return engine.runsHere() ? engine : undefined;
}
