import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const NGINX = '/usr/sbin/nginx';
const CONF = new URL('../../examples/nginx/darkroom.conf', import.meta.url);
const START_LIMIT_MS = 100_000;

/** The `skip` option of tests that need nginx. */
export const nginxSkip: false | string = existsSync(NGINX) ? false : 'no nginx: apt-get install -y nginx-light';

/** nginx with examples/nginx/darkroom.conf in front of `origin`, on loopback, in a folder of its own. `edit` changes that file. */
export async function startNginx(origin: string, edit: (conf: string) => string = (conf) => conf) {
  const folder = await mkdtemp(join(tmpdir(), 'darkroom-nginx-'));
  await mkdir(join(folder, 'cache'));
  const port = await freePort();
  const site = edit(
    adapted(readFileSync(CONF, 'utf8'), [
      ['/var/cache/nginx/darkroom', join(folder, 'cache')],
      ['127.0.0.1:3000', new URL(origin).host],
      ['listen 8080;', `listen 127.0.0.1:${port} backlog=4096;`],
    ]),
  );
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path temp_${kind};`,
  );
  const main = `
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    daemon off; master_process on; worker_processes 1; worker_rlimit_nofile 10000;
    pid nginx.pid; error_log stderr notice;
    events { worker_connections 8192; }
    http {
      ${temporary.join(' ')}
      access_log off;
      include darkroom.conf;
    }`;
  await writeFile(join(folder, 'nginx.conf'), main);
  await writeFile(join(folder, 'darkroom.conf'), site);
  const child = spawn(NGINX, ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (chunk) => (log += chunk));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async () => {
    child.kill('SIGTERM');
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  const baseUrl = `http://127.0.0.1:${port}`;
  const deadline = performance.now() + START_LIMIT_MS;
  while (!(await fetch(`${baseUrl}/v1/`).catch(() => undefined))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      await stop();
      throw new Error(`nginx did not start: ${log}`);
    }
    await delay(20);
  }

  return {
    ...{ baseUrl, stop },
    cacheFolder: join(folder, 'cache'),
    log: () => log,
  };
}

function adapted(conf: string, changes: readonly (readonly [from: string, to: string])[]): string {
  return changes.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`darkroom.conf has no "${from}"`);
    return text.replace(from, to);
  }, conf);
}

/** nginx cannot be asked which port it took, so one is chosen for it. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
