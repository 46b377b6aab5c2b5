import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { ConfigurationFiles, ImageMagick, initializeImageMagick, ResourceLimits } from '@imagemagick/magick-wasm';
import { withHeapLimit } from '../heap-limit.ts';

/**
 * ImageMagick in WebAssembly, with libtiff, libjxl, openjpeg, libjpeg and Little CMS inside:
 * https://github.com/dlemstra/magick-wasm. Reads its own code from disk, and nothing else.
 */

const PACKAGE = '@imagemagick/magick-wasm/magick.wasm';
/** What the WebAssembly may take, in pages of 64 KiB: 768 MiB. */
const MAX_PAGES = 12_288;
const MIB = 1024 * 1024;
/** Of the pixels; what libraries take for themselves is bounded by the heap. */
const MAX_PIXEL_BYTES = 512 * MIB;
const MAX_PROFILE_BYTES = 4 * MIB;

/** What one task may do. A file of a stranger is never met by a coder that writes, or by one of bare pixels. */
const RIGHTS = {
  read: '<policy domain="coder" rights="read" pattern="{JXL,TIFF,JP2,J2K,J2C}"/>',
  write: `<policy domain="coder" rights="read" pattern="{RGB,RGBA}"/>
  <policy domain="coder" rights="write" pattern="JXL"/>`,
} as const;

/** Nothing but the formats of the table: no file, no address, no text that becomes a picture, no other program. */
const policyFor = (task: keyof typeof RIGHTS) => `<policymap>
  <policy domain="delegate" rights="none" pattern="*"/>
  <policy domain="filter" rights="none" pattern="*"/>
  <policy domain="path" rights="none" pattern="@*"/>
  <policy domain="coder" rights="none" pattern="*"/>
  ${RIGHTS[task]}
</policymap>`;

type Code = Parameters<typeof initializeImageMagick>[0];
/** The part that is used of https://webassembly.github.io/spec/js-api/, for which Node's types have names alone. */
declare const WebAssembly: { Module: new (code: Uint8Array) => Code };

let compiled: Code | undefined;

/** With a heap of its own, so that what one file did to it never meets another file. The code is compiled once. */
export async function openMagick(task: keyof typeof RIGHTS): Promise<typeof ImageMagick> {
  compiled ??= new WebAssembly.Module(withHeapLimit(readCode(), MAX_PAGES));
  // The library keeps one instance for all, and makes another where it has none.
  Reflect.set(ImageMagick, '_api', undefined);
  const configuration = ConfigurationFiles.default;
  configuration.policy.data = policyFor(task);
  await initializeImageMagick(compiled, configuration);
  ResourceLimits.memory = BigInt(MAX_PIXEL_BYTES);
  ResourceLimits.area = BigInt(MAX_PIXEL_BYTES);
  ResourceLimits.maxProfileSize = BigInt(MAX_PROFILE_BYTES);
  ResourceLimits.disk = 0n;
  return ImageMagick;
}

function readCode(): Buffer {
  return readFileSync(createRequire(import.meta.url).resolve(PACKAGE));
}
