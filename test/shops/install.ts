/** Shops as strangers have them: a copy of an example in a folder of its own, with the packed packages. */
import { execFile, spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PACKAGES } from '../../build/package-sources.ts';
import { ROOT } from '../helpers/edge.ts';
import type { Shop } from './shop-list.ts';

const run = promisify(execFile);
const LIMITS = { cwd: ROOT, maxBuffer: 64 << 20, timeout: 900_000 };
const SCOPE = '@darkroom-images/';
/** What a build or an installation leaves behind. */
const MADE = /\/(node_modules|dist|build|\.next|\.nuxt|\.output|\.svelte-kit|\.astro|\.wrangler)$/;

export interface Listing {
  readonly slug: string;
  readonly title: string;
  readonly price: string;
  readonly image: string;
  readonly meta: { readonly width: number; readonly height: number };
}

/** The tarballs that `npm publish` would send, by the name of the package. */
export async function packPackages(): Promise<ReadonlyMap<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'darkroom-packed-'));
  await run(process.execPath, [join(ROOT, 'build/packages.ts')], LIMITS);
  const folders = Object.keys(PACKAGES).map((name) => `./packages/${name}`);
  const { stdout } = await run(
    'npm',
    ['pack', '--ignore-scripts', '--json', '--pack-destination', folder, ...folders],
    LIMITS,
  );
  const packed = JSON.parse(stdout) as { name: string; filename: string }[];
  return new Map(packed.map(({ name, filename }) => [name, join(folder, filename)]));
}

/** The tarballs of these packages and of those that they depend on. */
async function tarballsOf(names: readonly string[], packed: ReadonlyMap<string, string>): Promise<string[]> {
  const found = new Set<string>();
  for (const name of names) {
    found.add(name);
    const manifest = await readFile(join(ROOT, 'packages', name.replace(SCOPE, ''), 'package.json'), 'utf8');
    for (const other of Object.keys(JSON.parse(manifest).dependencies ?? {})) found.add(other);
  }
  return Array.from(found, (name) => packed.get(name) ?? '');
}

export interface Installation {
  readonly packed: ReadonlyMap<string, string>;
  readonly env: NodeJS.ProcessEnv;
  /** Listings beside the example's own. */
  readonly more: readonly Listing[];
  /** What else happens to the copy before it is built. */
  readonly prepare?: (folder: string) => Promise<void>;
}

/** Copies an example, adds listings to it, installs and builds it. Gives its folder; leaves none behind where that fails. */
export async function installShop(shop: Shop, installation: Installation): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `darkroom-shop-${shop.name}-`));
  try {
    await installInto(folder, shop, installation);
    return folder;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function installInto(folder: string, shop: Shop, { packed, env, more, prepare }: Installation): Promise<void> {
  await cp(join(ROOT, 'examples', shop.name), folder, { recursive: true, filter: (path) => !MADE.test(path) });
  const listings = join(folder, shop.data, 'listings.json');
  await writeFile(listings, JSON.stringify([...more, ...JSON.parse(await readFile(listings, 'utf8'))]));

  // The packages are not published yet: they come as files, all else as manifest and lock file say.
  const file = join(folder, 'package.json');
  const manifest = JSON.parse(await readFile(file, 'utf8'));
  const ours = Object.keys(manifest.dependencies).filter((name) => name.startsWith(SCOPE));
  for (const name of ours) delete manifest.dependencies[name];
  await writeFile(file, JSON.stringify(manifest));
  const limits = { ...LIMITS, cwd: folder, env };
  const tarballs = await tarballsOf(ours, packed);
  // A download that hangs is tried again.
  const patience = ['--fetch-timeout=60000', '--fetch-retries=5'];
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...patience, ...tarballs], limits);
  await prepare?.(folder);
  if (manifest.scripts.build) await run('npm', ['run', 'build'], limits);
}

/** Starts a shop by its own command. `stop` ends the whole group of processes, since npm starts another one. */
export async function startShop(shop: Shop, folder: string, env: NodeJS.ProcessEnv) {
  const port = await freePort();
  const [command = '', ...args] = shop.start(port);
  const child = spawn(command, args, {
    cwd: folder,
    env: { ...env, PORT: String(port), HOST: '127.0.0.1' },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const exited = new Promise((resolve) => child.once('exit', resolve));
  return {
    url: `http://127.0.0.1:${port}`,
    output: () => output,
    hasEnded: () => child.exitCode !== null,
    async stop() {
      if (child.exitCode === null) process.kill(-(child.pid as number), 'SIGKILL');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

/** Files below a folder that hold a text. */
export async function filesWith(folder: string, text: string): Promise<{ found: string[]; searched: number }> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const holding = await Promise.all(files.map(async (path) => (await readFile(path)).includes(text)));
  return { found: files.filter((_, at) => holding[at]), searched: files.length };
}
