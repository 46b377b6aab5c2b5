/**
 * `npm run build:avif`: downloads SVT-AV1, an AVIF encoder that prebuilt sharp lacks, and builds the addon that calls it. On
 * Linux with glibc, x86-64 or arm64; needs a C compiler and Python's pip (Debian: gcc libc6-dev python3-pip).
 * src/render/formats/svt-av1/README.md names the sources.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { unpackPinnedWheel } from './pinned-wheel.ts';

const root = join(import.meta.dirname, '..');
const home = join(root, 'src/render/formats/svt-av1');
const LIBRARY = 'libSvtAv1Enc-*.so.*';

const PLATFORM = ({ x64: 'manylinux_2_28_x86_64', arm64: 'manylinux_2_28_aarch64' } as Record<string, string>)[
  process.arch
];

/** The wheel is for one fixed Python, because only the library in it is used. */
function fetchLibrary(folder: string): string {
  const interpreter = ['--python-version', '311', '--implementation', 'cp', '--abi', 'abi3'];
  unpackPinnedWheel('svt-av1-wheel.txt', folder, ['--platform', PLATFORM ?? '', ...interpreter]);
  const [library] = globSync(`av.libs/${LIBRARY}`, { cwd: folder });
  if (!library) throw new Error('there is no SVT-AV1 in its wheel');
  return join(folder, library);
}

/** Node's headers: beside its binary, in the npm package `node`, or where Node's images have them. Node-API is stable across versions. */
function nodeHeaders(): string {
  const beside = join(process.execPath, '../../include/node');
  const inPackage = globSync(join(root, 'node_modules/{node/node_modules/,}node-linux-*/include/node'));
  const places = [beside, ...inPackage, '/usr/local/include/node'];
  const found = places.find((place) => globSync('node_api.h', { cwd: place }).length > 0);
  if (!found) throw new Error(`node_api.h is nowhere: ${places.join(', ')}`);
  return found;
}

function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { stdio: 'inherit', timeout: 300_000 });
}

if (!PLATFORM || process.platform !== 'linux') throw new Error('SVT-AV1 comes for Linux on x86-64 and arm64 only');
const folder = mkdtempSync(join(tmpdir(), 'svt-av1-'));
try {
  const library = fetchLibrary(folder);
  for (const old of globSync(`{svt-av1.node,${LIBRARY}}`, { cwd: home })) rmSync(join(home, old));
  copyFileSync(library, join(home, basename(library)));
  // $ORIGIN: the addon finds the library in its own folder, and nothing is installed.
  const linked = ['-L', home, `-l:${basename(library)}`, '-Wl,-rpath,$ORIGIN', '-Wl,--as-needed'];
  const c = ['-std=gnu11', '-O3', '-Wall', '-Wextra', '-Werror', '-fPIC', '-shared', '-I', nodeHeaders()];
  run('cc', [...c, join(home, 'addon.c'), '-o', join(home, 'svt-av1.node'), ...linked]);
} finally {
  rmSync(folder, { recursive: true });
}
process.stdout.write('AVIF is made by SVT-AV1 now\n');
