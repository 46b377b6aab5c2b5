/**
 * The machine code that V8 has made of the library's WebAssembly, saved when the image is built: a thread that finds it begins with
 * the optimised code of every function that a look runs, where it would compile them one by one, 70 ms of CPU in its first look.
 *
 * V8 does this for browsers, and for Node by functions of its own tests alone, which it knows under `NATIVES`:
 * https://github.com/v8/v8/blob/main/src/runtime/runtime-test-wasm.cc. It refuses code of another version of V8, of other flags and
 * of a CPU with other features. Where it refuses, or has no such functions, the code is compiled as without this file.
 */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { crc32 } from 'node:zlib';

/** The part that is used of https://webassembly.github.io/spec/js-api/, for which Node's types have names alone. */
declare const WebAssembly: { Module: new (code: Uint8Array) => object };

/**
 * How V8 compiles the 11 MB of WebAssembly, of which a look runs a small part. Without lazy validation all of it is checked
 * first, 60 ms of CPU. A function is compiled anew by the optimising compiler when it has used up its budget, about the bytes
 * that it ran: with V8's own budget hundreds of functions that run now and then are, 0.6 s of CPU; with this one the kernels of
 * the models alone, within the first two looks.
 */
const COMPILED_WITH = ['--wasm-lazy-validation', '--wasm-tiering-budget=200000000'];
/** What the flags of `COMPILED_WITH` are in Node 24 by default. */
const AS_BEFORE = ['--no-wasm-lazy-validation', '--wasm-tiering-budget=13000000'];
/** Every function that runs is worth the optimising compiler where its code is saved. */
const FOR_SAVING = '--wasm-tiering-budget=1';
/**
 * Has the optimising compiler join 128-bit operations to 256-bit ones, where the CPU has AVX2: a pass of a model takes a third
 * less, with the same results to the bit. It stays set, because the compiler reads it when it compiles a kernel, some looks
 * after the start. V8 knows this name on x64 alone.
 */
const WIDE_VECTORS = '--experimental-wasm-revectorize';
const NATIVES = ['--allow-natives-syntax', '--no-allow-natives-syntax'] as const;
/** Before the code: checksums of the WebAssembly that it was made of, and of itself, neither of which V8 looks at. */
const CHECKSUMS_BYTES = 8;

/** `saved`: a file of `machineCode`, which need not exist. `toSave`: whether the code is compiled to be saved. */
export function compileModule(wasm: Uint8Array, saved: URL, toSave: boolean): { module: object; fromSaved: boolean } {
  // Flags are the whole process's; the module keeps what it was made with. V8 refuses cached code made under other flags.
  if (process.arch === 'x64') setFlagsFromString(WIDE_VECTORS);
  const found = toSave ? undefined : readSaved(wasm, saved);
  return under(COMPILED_WITH, () => {
    const module = found && native('DeserializeWasmModule(code, wasm)', found, wasm);
    if (module) return { module, fromSaved: true };
    if (toSave) setFlagsFromString(FOR_SAVING);
    return { module: new WebAssembly.Module(wasm), fromSaved: false };
  });
}

/**
 * The file's content: code of all functions of the module that V8 has optimised by now. Undefined when V8 cannot tell; it ends the
 * process when there are none.
 */
export function machineCode(wasm: Uint8Array, module: object): Buffer | undefined {
  const code = under(COMPILED_WITH, () => native('SerializeWasmModule(code)', module, wasm));
  if (!(code instanceof ArrayBuffer)) return undefined;
  const checksums = Buffer.alloc(CHECKSUMS_BYTES);
  checksums.writeUInt32LE(crc32(wasm), 0);
  checksums.writeUInt32LE(crc32(new Uint8Array(code)), 4);
  return Buffer.concat([checksums, new Uint8Array(code)]);
}

/** Undefined where there is no code, or none of this WebAssembly, or not all of it. */
function readSaved(wasm: Uint8Array, file: URL): ArrayBuffer | undefined {
  let open: number | undefined;
  try {
    open = openSync(file, 'r');
    const checksums = Buffer.alloc(CHECKSUMS_BYTES);
    readSync(open, checksums, 0, CHECKSUMS_BYTES, null);
    const code = new Uint8Array(fstatSync(open).size - CHECKSUMS_BYTES);
    readSync(open, code, 0, code.length, null);
    const whole = checksums.readUInt32LE(0) === crc32(wasm) && checksums.readUInt32LE(4) === crc32(code);
    return whole ? code.buffer : undefined;
  } catch {
    return undefined;
  } finally {
    if (open !== undefined) closeSync(open);
  }
}

function native(call: string, code: object, wasm: Uint8Array): object | undefined {
  return under([NATIVES[0]], () => {
    try {
      return new Function('code', 'wasm', `return %${call}`)(code, wasm);
    } catch {
      return undefined;
    }
  });
}

/** Runs it with flags of V8 set, and sets them back. */
function under<T>(flags: readonly string[], run: () => T): T {
  for (const flag of flags) setFlagsFromString(flag);
  try {
    return run();
  } finally {
    for (const flag of flags === COMPILED_WITH ? AS_BEFORE : [NATIVES[1]]) setFlagsFromString(flag);
  }
}
