/**
 * dist/main.js: runs the server's bundle, from V8's compiled code of an earlier run where build/code-cache.ts has saved it.
 *
 * Node's own compile cache holds only the functions that are compiled before a file's first line runs, in a folder named by
 * user and CPU features. This one holds every function that the start needs, for all CPUs of one architecture.
 * https://nodejs.org/api/vm.html#scriptcreatecacheddata
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Script } from 'node:vm';

/** Hash of the bundle, set by build/bundle.ts. V8 itself compares only the length of the source. */
declare const SERVER_HASH: string;

const folder = import.meta.dirname;
const filename = join(folder, 'server.cjs');

/** The file with the compiled code; it need not exist. */
export const cachePath = join(folder, `server-${SERVER_HASH}.cache`);

function compiledCode(): Buffer | undefined {
  try {
    return readFileSync(cachePath);
  } catch {
    return undefined;
  }
}

const cachedData = compiledCode();
// The bundle is ASCII, and latin1 decodes a string of one byte a character fastest.
const source = readFileSync(filename, 'latin1');

/** The server. V8 rejects code of another version or of other V8 flags (`cachedDataRejected`) and compiles again, which takes longer. */
export const script = new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
  filename,
  ...(cachedData ? { cachedData } : {}),
});

const module = { exports: {} };
script.runInThisContext()(module.exports, createRequire(filename), module, filename, folder);
