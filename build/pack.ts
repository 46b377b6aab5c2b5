/**
 * `npm run pack FOLDER`: packs the server and its engine into a folder as they would be published: the engine as a package for this
 * platform (`npm run build:engine` goes before), and the server with the engines of all platforms as optional dependencies, of which npm
 * installs the one that fits. They stand in no lock file, because they are in no registry yet.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ENGINE } from '../src/render/engine/engine.ts';
import { ENGINE_PLATFORMS } from '../src/render/engine/load.ts';

const root = join(import.meta.dirname, '..');
const native = join(root, 'src/render/engine/native');
const ADDON = 'darkroom-engine.node';
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const nameOf = (platform: string) => `@darkroom-images/engine-${platform}`;

/** The tarball's path. */
function pack(home: string, ...options: string[]): string {
  const args = ['pack', '--json', '--pack-destination', target, ...options];
  const told = execFileSync('npm', args, { cwd: home, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  const [{ filename }] = JSON.parse(told.slice(told.search(/^\[/m))) as [{ filename: string }];
  return join(target, filename);
}

/** npm installs it where all three of os, cpu and libc fit. */
function packEngine(platform: string, folder: string): void {
  const [os, cpu] = platform.split('-');
  const fields = {
    description: 'The native engine of Darkroom, an on-demand image server, for one platform',
    main: ADDON,
  };
  const { license, publishConfig } = manifest;
  const about = { name: nameOf(platform), version: ENGINE, ...fields, license, publishConfig };
  const rules = { os: [os], cpu: [cpu], libc: ['glibc'], files: [ADDON, 'licences.txt', 'NOTICE'] };
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ ...about, ...rules }, null, 2)}\n`);
  for (const file of [ADDON, 'licences.txt']) copyFileSync(join(native, file), join(folder, file));
  copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  const notice = readFileSync(join(root, 'NOTICE'), 'utf8').split('\n\n');
  const own = notice.filter((part, at) => at === 0 || part.startsWith('Engine '));
  writeFileSync(join(folder, 'NOTICE'), `${own.join('\n\n')}\n`);
  const use = `\`@darkroom-images/server\` ${manifest.version} finds it where it is installed, and renders the common JPEG by it.`;
  writeFileSync(join(folder, 'README.md'), `# ${nameOf(platform)}\n\n${fields.description}. ${use}\n`);
  pack(folder);
}

/** What npm packs of this folder, with a manifest that names the engines. */
function packServer(folder: string): void {
  mkdirSync(folder);
  const plain = pack(root);
  execFileSync('tar', ['xzf', plain, '-C', folder, '--strip-components=1']);
  rmSync(plain);
  const optionalDependencies = Object.fromEntries(ENGINE_PLATFORMS.map((platform) => [nameOf(platform), ENGINE]));
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ ...manifest, optionalDependencies }, null, 2)}\n`);
  // It is built.
  pack(folder, '--ignore-scripts');
}

const [asked] = process.argv.slice(2);
if (!asked) throw new Error('npm run pack FOLDER: the folder is missing');
const target = resolve(asked);
mkdirSync(target, { recursive: true });
const work = mkdtempSync(join(tmpdir(), 'darkroom-pack-'));
try {
  packServer(join(work, 'server'));
  const here = ENGINE_PLATFORMS.find((platform) => platform === `${process.platform}-${process.arch}`);
  if (here !== undefined && existsSync(join(native, ADDON))) packEngine(here, join(work, 'engine'));
  else process.stdout.write('No engine is built here, so none is packed\n');
} finally {
  rmSync(work, { recursive: true });
}
