/** Three servers over the same stores, nginx in front of them, and a purge call that nginx itself does not have. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { startNginx } from '../../test/helpers/nginx.ts';
import { temporaryFolder } from './options.ts';
import { freePort, startProcess } from './process.ts';
import { serverEnvironment } from './server.ts';
import type { TakedownStores } from './takedown-stores.ts';

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname;
const PEER_NAMES = new URL('peer-names.ts', import.meta.url).href;
const JUMPING_CLOCK = new URL('../../test/helpers/jumping-clock.ts', import.meta.url).href;
export const API_TOKEN = 'a-token-of-this-bench';
const PRESETS = {
  small: { width: 80, height: 60, format: 'jpeg' },
  card: { width: 160, height: 120, fit: 'cover', format: 'webp' },
};
export const PRESET_NAMES = Object.keys(PRESETS);
/** Each has a loopback address of its own and all have one port, as machines behind one name do. */
const HOSTS = ['127.0.0.1', '127.0.0.2', '127.0.0.3'];
/** The third is in no list of peers: nobody tells it of a purge. */
const PEERS = HOSTS.slice(0, 2);

export interface Machine {
  readonly name: string;
  readonly baseUrl: string;
  readonly pid: number;
  log(): string;
}

export async function startWorld(stores: TakedownStores, windowMs: number, graceMs: number) {
  const home = temporaryFolder();
  const presets = join(home.path, 'presets.json');
  writeFileSync(presets, JSON.stringify(PRESETS));
  const purges = await startPurgeCall();
  const port = await freePort();

  const start = async (host: string, at: number) => {
    const env = serverEnvironment({
      ...stores.settings,
      ...(at === 2 ? stores.cuttable : {}),
      ...{ HOST: host, PORT: String(port), BENCH_PEERS: PEERS.join(), DARKROOM_PEERS: `peers.test:${port}` },
      ...{ DARKROOM_PURGE_WINDOW: `${windowMs}ms`, DARKROOM_PURGE_GRACE: `${graceMs}ms` },
      ...{ DARKROOM_CDN_PURGE: `webhook:${purges.url}`, DARKROOM_API_TOKEN: API_TOKEN },
      ...{ DARKROOM_PRESETS: presets, DARKROOM_FACES: 'off', UV_THREADPOOL_SIZE: '4' },
    });
    const clock = at === 0 ? ['--import', JUMPING_CLOCK] : [];
    const args = ['--import', PEER_NAMES, ...clock, MAIN];
    return { name: `machine ${at + 1}`, ...(await startProcess({ args, env })) };
  };
  const machines = await Promise.all(HOSTS.map(start));
  const first = `${HOSTS[0]}:${port}`;
  const nginx = await startNginx(`http://${first}`, (conf) =>
    conf.replace(`server ${first};`, HOSTS.map((host) => `server ${host}:${port};`).join('\n')),
  );
  purges.folder = nginx.cacheFolder;

  return {
    machines: machines as readonly Machine[],
    nginx: { name: 'nginx', baseUrl: nginx.baseUrl },
    purgeCalls: purges.calls,
    /** Where the third machine can be cut off from them. */
    stores,
    async stop(): Promise<void> {
      await nginx.stop();
      await Promise.all(machines.map((machine) => machine.stop()));
      await purges.stop();
      await stores.stop();
      home.remove();
    },
  };
}

export interface PurgeCall {
  readonly tag: string;
  readonly arrived: number;
  readonly obeyed: number;
}

/** What a purge module of nginx does: removes the files in its cache whose header has the tag. */
async function startPurgeCall() {
  const calls: PurgeCall[] = [];
  const server = createServer(async (request, response) => {
    const arrived = Date.now();
    try {
      const { cacheTag } = (await json(request)) as { cacheTag: string };
      if (call.folder) removeTagged(call.folder, cacheTag);
      calls.push({ tag: cacheTag, arrived, obeyed: Date.now() });
      response.end();
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const call = {
    calls,
    folder: '',
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/purge`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return call;
}

function removeTagged(folder: string, tag: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    try {
      if (readFileSync(file).includes(tag)) rmSync(file);
    } catch (error) {
      // nginx writes beside the name and renames, or was faster to remove it.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

export type World = Awaited<ReturnType<typeof startWorld>>;
