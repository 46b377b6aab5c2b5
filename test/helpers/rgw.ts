import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const STEP_LIMIT_MS = 100_000;
const START_LIMIT_MS = 100_000;
export const RGW_PACKAGES = 'radosgw ceph-mon ceph-osd ceph-common';

const GUEST = { uid: 'guest', accessKey: 'guest-key', secretKey: 'guest-test-secret' };

export interface Rgw {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Another user, who owns nothing and may do what a bucket's policy says: its id, key and secret. */
  readonly guest: { readonly uid: string; readonly accessKey: string; readonly secretKey: string };
  stop(): Promise<void>;
}

export async function hasRgw(): Promise<boolean> {
  return run('radosgw', ['--version'], { timeout: STEP_LIMIT_MS }).then(
    () => true,
    () => false,
  );
}

/** A one-node Ceph with its S3 gateway on loopback, all data in memory. Nothing of it is left after `stop()`. */
export async function startRgw(): Promise<Rgw> {
  const folder = await mkdtemp(join(tmpdir(), 'darkroom-rgw-'));
  const daemons: ChildProcess[] = [];
  const stop = async () => {
    // In reverse: the gateway hangs on to a cluster that is gone.
    for (const daemon of daemons.reverse()) await end(daemon);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const port = await startCluster(folder, daemons);
    const endpoint = `http://127.0.0.1:${port}`;
    return { endpoint, accessKey: 'darkroom', secretKey: 'darkroom-test-secret', guest: GUEST, stop };
  } catch (error) {
    const logs = await Promise.all(
      ['mon', 'osd', 'rgw'].map((name) => readFile(join(folder, `${name}.out`), 'utf8').catch(() => '')),
    );
    await stop();
    throw new Error(`RGW did not start: ${(error as Error).message}\n${logs.join('\n').slice(-2000)}`);
  }
}

async function startCluster(folder: string, daemons: ChildProcess[]): Promise<number> {
  const [gateway, monitor, monitorV1] = [await freePort(), await freePort(), await freePort()];
  const [cluster, osd] = [randomUUID(), randomUUID()];
  const file = (name: string) => join(folder, name);
  await Promise.all(['mon', 'osd', 'run', 'rgw'].map((name) => mkdir(file(name))));
  await writeFile(file('ceph.conf'), configuration(folder, cluster, gateway, monitor, monitorV1));

  const asRoot = process.getuid?.() === 0 ? ['--setuser', 'root', '--setgroup', 'root'] : [];
  const step = (command: string, ...args: string[]) => run(command, args, { timeout: STEP_LIMIT_MS });
  const ceph = (command: string, ...args: string[]) => step(command, '-c', file('ceph.conf'), ...args);
  const daemon = (name: string, command: string, ...args: string[]) => {
    const out = openSync(file(`${name}.out`), 'w');
    daemons.push(spawn(command, ['-c', file('ceph.conf'), ...args], { stdio: ['ignore', out, out] }));
    closeSync(out);
  };

  const key = (name: string, ...caps: string[]) =>
    step(
      'ceph-authtool',
      file('keyring'),
      '--gen-key',
      '-n',
      name,
      ...caps.flatMap((cap) => ['--cap', ...(cap.split('=', 2) as [string, string])]),
    );
  await step(
    'ceph-authtool',
    '--create-keyring',
    file('keyring'),
    '--gen-key',
    '-n',
    'mon.',
    '--cap',
    'mon',
    'allow *',
  );
  await key('client.admin', 'mon=allow *', 'osd=allow *', 'mgr=allow *');
  await key('client.rgw', 'mon=allow rw', 'osd=allow rwx', 'mgr=allow rw');
  await key('osd.0', 'mon=allow profile osd', 'osd=allow *');
  const addresses = `[v2:127.0.0.1:${monitor},v1:127.0.0.1:${monitorV1}]`;
  await step('monmaptool', '--create', '--clobber', '--fsid', cluster, '--addv', 'a', addresses, file('monmap'));

  await ceph('ceph-mon', '--mkfs', '-i', 'a', '--monmap', file('monmap'), '--keyring', file('keyring'), ...asRoot);
  daemon('mon', 'ceph-mon', '-i', 'a', '-f', ...asRoot);
  await untilDone(() => ceph('ceph', 'auth', 'import', '-i', file('keyring')));
  await ceph('ceph', 'osd', 'new', osd, '0');
  await ceph('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', osd, ...asRoot);
  daemon('osd', 'ceph-osd', '-i', '0', '-f', ...asRoot);
  const user = (uid: string, key: string, secret: string) =>
    ceph(
      ...['radosgw-admin', '-n', 'client.rgw', 'user', 'create', `--uid=${uid}`, `--display-name=${uid}`],
      ...[`--access-key=${key}`, `--secret=${secret}`],
    );
  await user('test', 'darkroom', 'darkroom-test-secret');
  await user(GUEST.uid, GUEST.accessKey, GUEST.secretKey);
  daemon('rgw', 'radosgw', '-n', 'client.rgw', '-f', ...asRoot);
  await untilDone(() => canConnect(gateway));
  return gateway;
}

function configuration(folder: string, cluster: string, gateway: number, monitor: number, monitorV1: number): string {
  return `[global]
fsid = ${cluster}
mon host = [v2:127.0.0.1:${monitor},v1:127.0.0.1:${monitorV1}]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = ${folder}/keyring
mon data = ${folder}/mon
osd data = ${folder}/osd
run dir = ${folder}/run
admin socket = ${folder}/run/$name.asok
log file = ${folder}/$name.log
mon allow pool size one = true
mon data avail crit = 1
mon max pg per osd = 500
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 2147483648
rgw rados pool pg num min = 1
paxos propose interval = 0.02
paxos min wait = 0.01
[client]
rgw frontends = beast endpoint=127.0.0.1:${gateway} tcp_nodelay=1
rgw data = ${folder}/rgw
`;
}

async function untilDone(attempt: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + START_LIMIT_MS;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(50);
    }
  }
}

function canConnect(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve();
    }).on('error', reject);
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

async function end(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return;
  const ended = new Promise((resolve) => daemon.once('exit', resolve));
  // All data is in memory and thrown away, so there is nothing to save.
  daemon.kill('SIGKILL');
  await ended;
}
