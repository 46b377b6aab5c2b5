import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import sharp from 'sharp';
import { startFaultProxy } from '../../test/helpers/fault-proxy.ts';
import { ALLOCATORS, type BenchServer, createMemoryGroup, startServer } from './server.ts';
import { createTraffic, type Kind, type Outcome, type Planted, type Shop } from './soak-traffic.ts';

export interface SoakOptions {
  readonly seconds: number;
  readonly rate: number;
  readonly seed: number;
  readonly sampleSeconds: number;
  /** Stores in the S3 server of `TEST_S3_ENDPOINT`, behind a proxy that spoils answers; else in folders, without faults. */
  readonly s3: boolean;
  readonly allocator: string;
  /** Memory that the kernel allows the server; undefined: all that there is. Needs root. */
  readonly mib?: number | undefined;
  onSample?(sample: Sample): void;
}

/** What was seen since the sample before. Bytes and milliseconds. */
export interface Sample {
  readonly minute: number;
  readonly requests: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly p50: Readonly<Partial<Record<Kind, number>>>;
  readonly p99: Readonly<Partial<Record<Kind, number>>>;
  readonly rss: number;
  /** p99 of how late the server's event loop came round, since the sample before. */
  readonly loopDelayMs: number;
  readonly sockets: number;
  readonly files: number;
  /** Of the machine, which others may use too: runnable threads, mean of a minute. */
  readonly load: number;
}

export interface SoakReport {
  readonly samples: readonly Sample[];
  readonly outcomes: readonly Outcome[];
  readonly planted: Readonly<Record<string, number>>;
  /** Before the first request of the run and after the last, with all connections closed. */
  readonly files: { readonly before: number; readonly after: number };
  /** Of those, sockets. */
  readonly sockets: { readonly before: number; readonly after: number };
  /** Gauges that are to be 0 when nobody asks any more. */
  readonly gauges: Readonly<Record<string, number>>;
  /** What the server said of its end. */
  readonly exit: { readonly code: number | null; readonly signal: string | null };
}

const PHOTOS = 16;
const FAULTY = 120;
/** How long what was opened may take to be closed, once nobody asks any more. */
const SETTLE_MS = 20_000;
const AT_REST = ['slots_running', 'queue_waiting', 'flights', 'saves_pending', 'saves_pending_bytes'];
const samplesFolder = new URL('../../samples/', import.meta.url);

/** One server process under mixed traffic. Checks nothing: what came out is for the caller to judge. */
export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const stores = await createStores(options.s3);
  const group = options.mib === undefined ? undefined : createMemoryGroup(options.mib * 1024 * 1024);
  const server = await startServer(
    {
      ...{ DARKROOM_METRICS_PORT: '0', DARKROOM_MEMORY_CACHE: '16MiB' },
      ...stores.settings,
      ...ALLOCATORS[options.allocator],
    },
    group,
  );
  const outcomes: Outcome[] = [];
  const samples: Sample[] = [];
  const bad = await badOriginals();
  const names = readdirSync(samplesFolder).filter((name) => /\.(jpe?g|png|webp)$/.test(name));
  const originals = new Map(Array.from(bad, ([id, { body }]) => [id, body] as const));
  const ids = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, n) => {
      const name = names[n % names.length] ?? '';
      originals.set(`${prefix}-${n}`, readFileSync(new URL(name, samplesFolder)));
      return `${prefix}-${n}`;
    });
  const shop: Shop = {
    photos: ids('photo', PHOTOS),
    faulty: options.s3 ? ids('faulty', FAULTY) : [],
    bad: Array.from(bad, ([id, { status }]) => [id, status] as const),
    path: server.path,
    plant: stores.plant,
  };
  await stores.fill(server, originals);
  const traffic = createTraffic(server.baseUrl, shop, options.seed);
  const end = { sampling: false };
  try {
    await traffic.warm();
    traffic.close();
    const before = await atRest(server, stores);
    let from = 0;
    const since = performance.now();
    const sample = async () => {
      const now = outcomes.slice(from);
      from = outcomes.length;
      const loop = (await gauges(server, ['nodejs_eventloop_lag_p99_seconds'])).nodejs_eventloop_lag_p99_seconds ?? 0;
      const minute = (performance.now() - since) / 60_000;
      samples.push({
        minute,
        ...summary(now),
        rss: server.memory().rss,
        loopDelayMs: loop * 1000,
        ...descriptors(server),
        load: loadavg()[0] ?? 0,
      });
      options.onSample?.(samples.at(-1) as Sample);
    };
    const sampling = (async () => {
      for (let n = 1; !end.sampling; n += 1) {
        await delay(Math.max(0, since + n * options.sampleSeconds * 1000 - performance.now()));
        if (!end.sampling) await sample();
      }
    })();
    await traffic.run(options.seconds * 1000, options.rate, (outcome) => outcomes.push(outcome));
    end.sampling = true;
    await sample();
    await sampling;
    traffic.close();
    const after = await atRest(server, stores);
    const atEnd = await gauges(server, AT_REST);
    const { exited } = server;
    await server.stop();
    const files = { before: before.files, after: after.files };
    const sockets = { before: before.sockets, after: after.sockets };
    return { samples, outcomes, planted: stores.counts, files, sockets, gauges: atEnd, exit: await exited };
  } finally {
    end.sampling = true;
    traffic.close();
    await server.stop();
    group?.remove();
    await stores.dispose();
  }
}

/**
 * What is open when every gauge is 0 and the number of open files no longer falls, or when it has had time enough. Counted before the
 * gauges are asked: the server may close that connection some milliseconds later.
 */
async function atRest(server: BenchServer, stores: { cutAll(): void }): Promise<ReturnType<typeof descriptors>> {
  const deadline = performance.now() + SETTLE_MS;
  for (let files = Number.POSITIVE_INFINITY; ; ) {
    stores.cutAll();
    const open = descriptors(server);
    const busy = Object.values(await gauges(server, AT_REST)).some((value) => value > 0);
    if ((!busy && open.files >= files) || performance.now() > deadline) return open;
    files = open.files;
    await delay(1000);
  }
}

function descriptors({ pid }: BenchServer): { files: number; sockets: number } {
  const folder = `/proc/${pid}/fd`;
  const targets = readdirSync(folder).map((name) => {
    try {
      return readlinkSync(join(folder, name));
    } catch {
      return '';
    }
  });
  return { files: targets.length, sockets: targets.filter((target) => target.startsWith('socket:')).length };
}

async function gauges(server: BenchServer, names: readonly string[]): Promise<Record<string, number>> {
  const answer = await fetch(`${server.metricsUrl}`, { headers: { connection: 'close' } });
  const text = await answer.text();
  return Object.fromEntries(
    names.map((name) => [name, Number(new RegExp(`^darkroom_${name} (\\S+)`, 'm').exec(text)?.[1] ?? Number.NaN)]),
  );
}

export function percentile(values: readonly number[], share: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

function summary(outcomes: readonly Outcome[]) {
  const statuses: Record<string, number> = {};
  const times = new Map<Kind, number[]>();
  for (const { kind, status, ms } of outcomes) {
    statuses[status] = (statuses[status] ?? 0) + 1;
    times.set(kind, [...(times.get(kind) ?? []), ms]);
  }
  const of = (share: number) => Object.fromEntries(Array.from(times, ([kind, ms]) => [kind, percentile(ms, share)]));
  return { requests: outcomes.length, statuses, p50: of(0.5), p99: of(0.99) };
}

/** Files that are no pictures, broken ones, and one with too many pixels, with the answer that each is owed. */
async function badOriginals(): Promise<Map<string, { body: Buffer; status: number }>> {
  const photo = readFileSync(new URL('coffee.jpg', samplesFolder));
  const bomb = { create: { width: 12_000, height: 12_000, channels: 3, background: '#123' } } as const;
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>';
  return new Map([
    ['bad-cut.jpg', { body: photo.subarray(0, photo.length >> 1), status: 422 }],
    ['bad-page.jpg', { body: Buffer.from('<!doctype html><h1>Not found</h1>'), status: 422 }],
    ['bad-svg.png', { body: Buffer.from(svg), status: 422 }],
    ['bad-empty.webp', { body: Buffer.alloc(0), status: 422 }],
    ['bad-noise.gif', { body: Buffer.from(Array.from({ length: 5000 }, (_, at) => (at * 97) % 251)), status: 422 }],
    ['bad-bomb.png', { body: await sharp(bomb).png().toBuffer(), status: 413 }],
  ]);
}

async function createStores(s3: boolean) {
  const plans = new Map<string, Planted>();
  const counts: Record<string, number> = {};
  const plant = (id: string, planted: Planted) => void plans.set(id, planted);
  if (!s3) {
    return {
      ...{ settings: {} as Record<string, string>, counts, plant, cutAll() {}, async dispose() {} },
      async fill({ folder }: BenchServer, originals: ReadonlyMap<string, Buffer>) {
        const home = join(folder, 'data/originals');
        mkdirSync(home, { recursive: true });
        for (const [id, body] of originals) writeFileSync(join(home, id), body);
      },
    };
  }
  const { createTestBucket } = await import('../../test/helpers/s3.ts');
  const bucket = await createTestBucket();
  const proxy = await startFaultProxy(bucket.endpoint);
  proxy.control.fault = ({ method = '', url = '' }) => {
    const [, place, id = '', rest = ''] = /\/(originals|results)\/(faulty-\d+)([^?]*)/.exec(url) ?? [];
    const planted = plans.get(id);
    const stage = place === 'originals' ? 'original get' : method === 'PUT' ? 'result put' : 'result get';
    if (!planted || planted.stage !== stage || rest.endsWith('original.json')) return undefined;
    const name = `${planted.fault} at ${stage}`;
    counts[name] = (counts[name] ?? 0) + 1;
    return planted.fault;
  };
  return {
    ...{ counts, plant, cutAll: proxy.cutAll },
    settings: {
      ...{ DARKROOM_ORIGINALS: `s3://${bucket.bucket}/originals`, DARKROOM_RESULTS: `s3://${bucket.bucket}/results` },
      ...{ AWS_ENDPOINT_URL_S3: proxy.endpoint, DARKROOM_S3_PATH_STYLE: 'on' },
    } as Record<string, string>,
    async fill(_server: BenchServer, originals: ReadonlyMap<string, Buffer>) {
      const { client, bucket: Bucket } = bucket;
      for (const [id, Body] of originals)
        await client.send(new PutObjectCommand({ Bucket, Key: `originals/${id}`, Body }));
    },
    async dispose() {
      await proxy.dispose();
      await bucket.dispose();
    },
  };
}
