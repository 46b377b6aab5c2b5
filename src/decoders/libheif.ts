import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { DecodeError } from './decoder.ts';
import { withHeapLimit } from './heap-limit.ts';

/**
 * libheif with libde265 in WebAssembly, by its C interface: https://github.com/strukturag/libheif (libheif/api/libheif). The
 * binding that comes with it decodes whole pictures only, and hands out no profile. Reads its own code from disk, and nothing else.
 */

const PACKAGE = 'libheif-js/libheif-wasm';
/** What the WebAssembly may take, in pages of 64 KiB: 512 MiB. A picture of 100 megapixels that is no grid takes 400. */
const MAX_PAGES = 8192;

/** The functions that are used here; pointers, sizes and booleans are numbers. A struct that is returned is written to the first argument. */
interface Exports {
  readonly HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(at: number): void;
  _heif_context_alloc(): number;
  _heif_context_free(context: number): void;
  _heif_context_get_security_limits(context: number): number;
  _heif_context_read_from_memory_without_copy(error: number, context: number, at: number, bytes: number, o: 0): void;
  _heif_context_get_primary_image_handle(error: number, context: number, out: number): void;
  _heif_image_handle_release(handle: number): void;
  _heif_image_handle_get_item_id(handle: number): number;
  _heif_image_handle_has_alpha_channel(handle: number): number;
  _heif_image_handle_is_premultiplied_alpha(handle: number): number;
  _heif_image_handle_get_image_tiling(error: number, handle: number, transformed: number, out: number): void;
  _heif_image_handle_get_raw_color_profile_size(handle: number): number;
  _heif_image_handle_get_raw_color_profile(error: number, handle: number, out: number): void;
  _heif_image_handle_get_nclx_color_profile(error: number, handle: number, out: number): void;
  _heif_image_handle_get_preferred_decoding_colorspace(
    error: number,
    handle: number,
    space: number,
    chroma: number,
  ): void;
  _heif_nclx_color_profile_free(profile: number): void;
  _heif_item_get_transformation_properties(context: number, item: number, out: number, most: number): number;
  _heif_item_get_property_type(context: number, item: number, property: number): number;
  _heif_item_get_property_transform_mirror(context: number, item: number, property: number): number;
  _heif_item_get_property_transform_rotation_ccw(context: number, item: number, property: number): number;
  _heif_decoding_options_alloc(): number;
  _heif_decoding_options_free(options: number): void;
  _heif_image_handle_decode_image_tile(
    ...args: [
      error: number,
      handle: number,
      out: number,
      space: number,
      chroma: number,
      options: number,
      x: number,
      y: number,
    ]
  ): void;
  _heif_decode_image(
    ...args: [error: number, handle: number, out: number, space: number, chroma: number, options: number]
  ): void;
  _heif_image_get_plane_readonly2(image: number, channel: number, stride: number): number;
  _heif_image_get_colorspace(image: number): number;
  _heif_image_get_chroma_format(image: number): number;
  _heif_image_get_bits_per_pixel_range(image: number, channel: number): number;
  _heif_image_get_nclx_color_profile(error: number, image: number, out: number): void;
  _heif_image_get_width(image: number, channel: number): number;
  _heif_image_get_height(image: number, channel: number): number;
  _heif_image_release(image: number): void;
}

/** The interface, and what makes it bearable. */
export interface Libheif {
  readonly c: Exports;
  /** A view of the heap of now: it moves when it grows. */
  view(): DataView;
  /** Calls a function that returns a `heif_error`. Throws a `DecodeError`. */
  call(run: (error: number) => void): void;
  /** The pointer that a function with a `heif_error` writes to its `out`. */
  made(run: (error: number, out: number) => void): number;
}

type Factory = (settings: object) => Exports;
/** The part that is used of https://webassembly.github.io/spec/js-api/, for which Node's types have names alone. */
declare const WebAssembly: {
  Module: new (code: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { readonly exports: object };
};

let loaded: { readonly factory: Factory; readonly module: object } | undefined;

/** With a heap of its own, so that what one file did to it never meets another file. The code is compiled once. */
export function openLibheif(): Libheif {
  loaded ??= load();
  const { factory, module } = loaded;
  return bind(
    factory({
      ...{ noInitialRun: true, print() {}, printErr() {} },
      // https://emscripten.org/docs/api_reference/module.html#Module.instantiateWasm; synchronous, because the code is compiled.
      instantiateWasm(imports: object, done: (instance: object, module: object) => void) {
        const instance = new WebAssembly.Instance(module, imports);
        done(instance, module);
        return instance.exports;
      },
    }),
  );
}

function load() {
  const require = createRequire(import.meta.url);
  const code = readFileSync(require.resolve(`${PACKAGE}/libheif.wasm`));
  const factory: Factory = require(`${PACKAGE}/libheif.js`);
  return { factory, module: new WebAssembly.Module(withHeapLimit(code, MAX_PAGES)) };
}

/** Room for a `heif_error`, and for a pointer that is returned. */
const SCRATCH_BYTES = 24;
const OUT_AT = 16;
/** `heif_error_code`: https://github.com/strukturag/libheif/blob/master/libheif/api/libheif/heif_error.h */
const KINDS: Readonly<Record<number, DecodeError['kind']>> = { 3: 'unsupported', 4: 'unsupported', 6: 'too_large' };

function bind(c: Exports): Libheif {
  const scratch = c._malloc(SCRATCH_BYTES);
  const view = () => new DataView(c.HEAPU8.buffer);
  const text = (at: number) => {
    const end = c.HEAPU8.indexOf(0, at);
    return Buffer.from(c.HEAPU8.subarray(at, end)).toString('latin1');
  };
  function call(run: (error: number) => void): void {
    run(scratch);
    const code = view().getInt32(scratch, true);
    if (code !== 0) throw new DecodeError(KINDS[code] ?? 'broken', text(view().getUint32(scratch + 8, true)));
  }
  return {
    ...{ c, view, call },
    made(run) {
      call((error) => run(error, scratch + OUT_AT));
      return view().getUint32(scratch + OUT_AT, true);
    },
  };
}
