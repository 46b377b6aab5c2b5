import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { initWasm, Resvg } from '@resvg/resvg-wasm';
import { DecodeError, type OpenRows, type Wanted } from '../decoder.ts';
import { withHeapLimit } from '../heap-limit.ts';
import { readSvgHead } from './svg-head.ts';

/**
 * SVG, drawn by resvg in WebAssembly (https://github.com/linebender/resvg), which has no scripts, and no function of this
 * process to open a file or a connection with: pictures that a file refers to are left out, as in a browser's `<img>`.
 */

const PACKAGE = '@resvg/resvg-wasm/index_bg.wasm';
/** What the WebAssembly may take, in pages of 64 KiB: 512 MiB. Each group with an opacity or a filter takes a layer. */
const MAX_PAGES = 8192;

/** Rust's memory outlives a picture; a trap ends the thread and with it the memory. */
let ready: Promise<void> | undefined;

export async function decode(file: Uint8Array, wanted: Wanted, open: OpenRows): Promise<void> {
  const { width, height } = readSvgHead(Buffer.from(file.buffer, file.byteOffset, file.byteLength));
  if (width * height > wanted.maxPixels) throw new DecodeError('too_large', `${width} × ${height} pixels are too many`);
  ready ??= initWasm(withHeapLimit(readFileSync(createRequire(import.meta.url).resolve(PACKAGE)), MAX_PAGES));
  await ready;
  // Drawn at the size that is wanted: a drawing has no pixels of its own.
  const scale = Math.min(1, wanted.side / Math.max(width, height));
  const drawing = parse(file, Math.max(1, Math.ceil(width * scale)));
  const picture = drawing.render();
  try {
    straighten(picture.pixels, open({ width: picture.width, height: picture.height, channels: 4, orientation: 1 }));
  } finally {
    // Not behind a trap of the drawing itself, which left it half done.
    picture.free();
    drawing.free();
  }
}

function parse(file: Uint8Array, width: number): InstanceType<typeof Resvg> {
  try {
    return new Resvg(file, { fitTo: { mode: 'width', value: width }, font: { loadSystemFonts: false } });
  } catch (error) {
    if (error instanceof Error && error.name === 'RuntimeError') throw error;
    throw new DecodeError('broken', String(error));
  }
}

/** From colours that are multiplied by their alpha. */
function straighten(pixels: Uint8Array, rows: Uint8Array): void {
  for (let at = 0; at < rows.length; at += 4) {
    const alpha = pixels[at + 3]!;
    const scale = alpha === 0 ? 0 : 255 / alpha;
    for (let n = 0; n < 3; n += 1) rows[at + n] = Math.min(255, pixels[at + n]! * scale + 0.5);
    rows[at + 3] = alpha;
  }
}
