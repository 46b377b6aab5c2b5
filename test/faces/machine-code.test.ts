import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { cachedDataVersionTag, setFlagsFromString } from 'node:v8';
import { compileModule, machineCode } from '../../src/faces/machine-code.ts';

const run = promisify(execFile);
/** A module with one function, `run(n)`, which counts down from n: https://webassembly.github.io/spec/core/binary/ */
const COUNTDOWN = Uint8Array.from([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f],
  ...[3, 2, 1, 0],
  ...[7, 7, 1, 3, 0x72, 0x75, 0x6e, 0, 0],
  ...[10, 18, 1, 16, 0, 3, 0x40, 0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b, 0x20, 0, 0x0b],
]);
declare const WebAssembly: {
  Instance: new (module: object) => { readonly exports: { run(from: number): number } };
};
const folder = mkdtempSync(join(tmpdir(), 'darkroom-machine-code-'));
const file = (name: string) => pathToFileURL(join(folder, name));
const none = file('none.cache');
const flagsBefore = cachedDataVersionTag();
let saved: Buffer;

before(() => {
  // Until its code is optimised, V8 ends a process that wants to save it.
  setFlagsFromString('--no-liftoff');
  const { module, fromSaved } = compileModule(COUNTDOWN, none, true);
  assert.equal(fromSaved, false);
  assert.equal(new WebAssembly.Instance(module).exports.run(1000), 0);
  setFlagsFromString('--liftoff');
  saved = machineCode(COUNTDOWN, module) ?? assert.fail('no code');
  writeFileSync(file('whole.cache'), saved);
});
after(() => rmSync(folder, { recursive: true }));

const compiled = (name: string, wasm: Uint8Array = COUNTDOWN) => {
  const found = compileModule(wasm, file(name), false);
  assert.equal(new WebAssembly.Instance(found.module).exports.run(1000), 0);
  return found.fromSaved;
};

describe('saved machine code', () => {
  it('is run where it is whole and of this WebAssembly, and leaves the flags of V8 as they were, but for the width of vectors', () => {
    assert.equal(compiled('whole.cache'), true);
    if (process.arch === 'x64') setFlagsFromString('--no-experimental-wasm-revectorize');
    assert.equal(cachedDataVersionTag(), flagsBefore);
  });

  it('is left alone where one byte is another, where it was cut short, or where it is empty', () => {
    for (const at of [0, 4, 8, 20, Math.floor(saved.length / 2), saved.length - 1]) {
      const broken = Buffer.from(saved);
      broken[at] = (broken[at] ?? 0) ^ 1;
      writeFileSync(file('broken.cache'), broken);
      assert.equal(compiled('broken.cache'), false, `byte ${at}`);
    }
    for (const bytes of [0, 3, 8, 9, saved.length - 1]) {
      writeFileSync(file('short.cache'), saved.subarray(0, bytes));
      assert.equal(compiled('short.cache'), false, `${bytes} bytes`);
    }
    assert.equal(compiled('none.cache'), false);
  });

  it('is left alone where it was made of another WebAssembly', () => {
    // The same function with a custom section behind it.
    assert.equal(compiled('whole.cache', Uint8Array.from([...COUNTDOWN, 0, 2, 1, 0x78])), false);
  });

  it('is refused by a V8 that runs with other flags, which compiles instead', async () => {
    const code = `
      const { readFileSync } = await import('node:fs');
      const { compileModule } = await import(${JSON.stringify(new URL('../../src/faces/machine-code.ts', import.meta.url).href)});
      const wasm = Uint8Array.from(${JSON.stringify([...COUNTDOWN])});
      const { module, fromSaved } = compileModule(wasm, new URL(${JSON.stringify(file('whole.cache').href)}), false);
      process.stdout.write(fromSaved + ' ' + new WebAssembly.Instance(module).exports.run(5));`;
    const with_ = (...flags: string[]) => run(process.execPath, [...flags, '--input-type=module', '-e', code]);
    const [same, other] = await Promise.all([with_(), with_('--no-wasm-bounds-checks')]);
    assert.equal(same.stdout, 'true 0');
    assert.equal(other.stdout, 'false 0');
  });
});
