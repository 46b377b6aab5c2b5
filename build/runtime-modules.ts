/**
 * `node build/runtime-modules.ts <folder>`: copies the packages that stay outside the bundle, with their dependencies, from
 * node_modules to the folder.
 */
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXTERNAL } from './externals.ts';

const modules = join(import.meta.dirname, '../node_modules');

/**
 * MediaPipe's builds for browsers and older CPUs, two thirds of its 33 MB; libheif's builds without WebAssembly or with it
 * inside, and ImageMagick's for 64 bits, which are used nowhere; source maps and types.
 */
const UNUSED =
  /vision_wasm_(nosimd_)?internal\.|libheif-js\/libheif\/|libheif-bundle|magick-wasm\/dist\/(x64\/|index\.umd)|resvg-wasm\/index\.(min\.)?js|\.map$|\.d\.ts$|\.d\.[cm]ts$/;

/** The names and all their dependencies that are installed here; optional ones for other systems are not. */
function closure(names: readonly string[], found = new Set<string>()): Set<string> {
  for (const name of names) {
    const manifest = join(modules, name, 'package.json');
    if (found.has(name) || !existsSync(manifest)) continue;
    found.add(name);
    const { dependencies = {}, optionalDependencies = {} } = JSON.parse(readFileSync(manifest, 'utf8'));
    closure([...Object.keys(dependencies), ...Object.keys(optionalDependencies)], found);
  }
  return found;
}

const [, , target] = process.argv;
if (!target) throw new Error('a folder is missing');
for (const name of closure(EXTERNAL)) {
  const filter = (path: string) => !UNUSED.test(path);
  cpSync(join(modules, name), join(target, name), { recursive: true, dereference: true, filter });
  process.stdout.write(`${name}\n`);
}
