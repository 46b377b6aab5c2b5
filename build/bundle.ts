/** Makes dist/ for `npm pack` and for the image: the same bytes from the same sources, wherever they lie. */
import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { type BuildOptions, build, type Metafile } from 'esbuild';
import { EXTERNAL } from './externals.ts';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

const COMMON = {
  ...{ absWorkingDir: root, bundle: true, platform: 'node', external: EXTERNAL, metafile: true, logLevel: 'warning' },
  // Names are kept, so that a stack trace in a log can be read.
  ...{ minifyWhitespace: true, minifySyntax: true, legalComments: 'none', charset: 'ascii' },
  // Of a package in both module formats esbuild takes the ES modules, whose unused parts it can leave out.
  mainFields: ['module', 'main'],
  // Otherwise the output holds the real paths of a linked node_modules.
  preserveSymlinks: true,
} as const satisfies BuildOptions;

/** The command line runs on Node 20 too, where `serve` says that the server needs Node 24. */
const COMMAND_LINE_TARGET = 'node20';

async function bundleServer(): Promise<Metafile> {
  const outfile = join(dist, 'server.cjs');
  const { metafile } = await build({
    ...COMMON,
    ...{ entryPoints: ['src/main.ts'], outfile, target: 'node24' },
    // Node can fill V8's code cache after a run for scripts only, not for modules; see launcher.ts.
    format: 'cjs',
    // A library of one adapter lies in the same file, and is evaluated when that adapter is first used.
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': 'bundleUrl' },
    banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
  });
  const hash = createHash('sha256').update(readFileSync(outfile)).digest('hex').slice(0, 16);
  await build({
    ...COMMON,
    ...{ entryPoints: { main: 'build/launcher.ts' }, outdir: dist, format: 'esm', target: 'node24' },
    define: { SERVER_HASH: JSON.stringify(hash) },
  });
  return metafile;
}

async function bundleModules(): Promise<Metafile[]> {
  const modules = { ...COMMON, outdir: dist, format: 'esm' } as const;
  const cli = await build({
    ...{ ...modules, entryPoints: ['src/cli.ts'], target: COMMAND_LINE_TARGET },
    plugins: [
      {
        name: 'the server is a file of its own',
        setup: ({ onResolve }) =>
          onResolve({ filter: /^\.\/main\.ts$/ }, () => ({ path: './main.js', external: true })),
      },
    ],
  });
  // The face thread, and the threads of the decoders: src/decoders/decoders.ts knows the name.
  const entryPoints = { worker: 'src/faces/worker.ts', 'decoder-worker': 'src/decoders/worker.ts' };
  const workers = await build({ ...modules, entryPoints, target: 'node24' });
  return [cli.metafile, workers.metafile];
}

/** The notices that the licences of bundled packages ask for: names, versions and licence texts. */
function licencesOf(metafiles: readonly Metafile[]): string {
  const inputs = metafiles.flatMap(({ inputs }) => Object.keys(inputs));
  const homes = inputs.flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? []);
  const owners = Map.groupBy(new Set(homes), (home) => {
    const [file] = globSync('{LICEN[CS]E,licen[cs]e}*', { cwd: join(root, home) }).sort();
    return file ? readFileSync(join(root, home, file), 'utf8').trim() : '';
  });
  const parts = Array.from(owners, ([text, packages]) => {
    const names = packages.map((home) => {
      const { name, version, license } = JSON.parse(readFileSync(join(root, home, 'package.json'), 'utf8'));
      return `${name} ${version}, ${license}`;
    });
    return `${names.sort().join('\n')}\n\n${text}`.trim();
  });
  return `${parts.sort().join(`\n\n${'-'.repeat(72)}\n\n`)}\n`;
}

function copyFiles(): void {
  mkdirSync(join(dist, 'models'), { recursive: true });
  const files = globSync(['src/faces/models/*.tflite', 'src/faces/models/README.md'], { cwd: root });
  for (const file of files) copyFileSync(join(root, file), join(dist, 'models', basename(file)));
  mkdirSync(join(dist, 'fonts'), { recursive: true });
  for (const file of globSync('src/render/effects/overlay/fonts/*', { cwd: root }))
    copyFileSync(join(root, file), join(dist, 'fonts', basename(file)));
  rmSync(join(dist, 'page'), { recursive: true, force: true });
  cpSync(join(root, 'src/playground/page'), join(dist, 'page'), { recursive: true });
  copyBuilt('src/render/formats/svt-av1', 'svt-av1', '*.md');
  copyBuilt('src/render/engine/native', 'native', '*.txt');
}

/** Only where `npm run build:avif` or `npm run build:engine` has run; the licences are copied with it. */
function copyBuilt(source: string, name: string, licences: string): void {
  const [from, to] = [join(root, source), join(dist, name)];
  rmSync(to, { recursive: true, force: true });
  const built = globSync('*.{node,so.*}', { cwd: from });
  if (built.length === 0) return;
  mkdirSync(to);
  for (const file of [...built, ...globSync(licences, { cwd: from })]) copyFileSync(join(from, file), join(to, file));
}

// Compiled code belongs to one bundle: the server never reads that of another one.
for (const file of globSync('*.cache', { cwd: dist })) rmSync(join(dist, file));
const metafiles = [await bundleServer(), ...(await bundleModules())];
copyFiles();
writeFileSync(join(dist, 'licences.txt'), licencesOf(metafiles));
process.stdout.write(`${relative(process.cwd(), dist) || '.'} is ready\n`);
