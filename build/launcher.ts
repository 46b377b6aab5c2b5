/**
 * dist/main.js: runs the bundle of the server, with the code that V8 compiled in an earlier run where that lies beside it (build/code-cache.ts).
 *
 * Node's own compile cache keeps what is compiled before a file's first line runs, for modules and scripts alike, and lies
 * in a folder named by user and CPU features. This one keeps every function that the start needs, and is good for all
 * CPUs of one architecture. https://nodejs.org/api/vm.html#scriptcreatecacheddata
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Script } from 'node:vm';

/** Of the bundle that this file was built with. V8 itself compares no more than its length. */
declare const SERVER_HASH: string;

const folder = import.meta.dirname;
const filename = join(folder, 'server.cjs');

/** Where the compiled code is looked for. */
export const cachePath = join(folder, `server-${SERVER_HASH}.cache`);

function compiledCode(): Buffer | undefined {
  try {
    return readFileSync(cachePath);
  } catch {
    return undefined;
  }
}

const cachedData = compiledCode();
// The build writes ASCII only, and a string of one byte a character is read fastest this way.
const source = readFileSync(filename, 'latin1');

/** The server. Code of another V8 is refused by V8, and the start takes longer: `cachedDataRejected`. */
export const script = new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
  filename,
  ...(cachedData ? { cachedData } : {}),
});

const module = { exports: {} };
script.runInThisContext()(module.exports, createRequire(filename), module, filename, folder);
