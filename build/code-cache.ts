/**
 * Runs dist/ once (a start, three renders, the same renditions from the store; then the face thread alone) and saves V8's compiled
 * code beside it, for machines with the same Node. Loopback only, with a bucket of its own.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { cachedDataVersionTag } from 'node:v8';
import { Worker } from 'node:worker_threads';
import sharp from 'sharp';
import { growHeapAsBefore, growHeapSlowly } from '../src/process/heap-growth.ts';
import { createImageUrls } from '../src/url/sdk.ts';

const dist = join(import.meta.dirname, '../dist');
const samples = join(import.meta.dirname, '../samples');
const START_LIMIT_MS = 60_000;
const FACE_PROBE_PX = 640;
/** Of which every function that runs more than once has used up its budget. */
const FACE_LOOKS = 4;
/** V8's threads are done when the process has used less CPU than this in a round, that many times in a row. */
const QUIET = { cpuMs: 15, roundMs: 250, rounds: 4 };
const RENDERS = [
  ['coffee.jpg', 'medium'],
  ['chelsea.png', 'thumb'],
  ['turned.jpg', 'og'],
] as const;

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** PUT and GET of single objects, without signatures: enough to run the client's code, too little to test it. */
function createBucket(): Server {
  const objects = new Map<string, { body: Buffer; headers: Record<string, string | string[] | undefined> }>();
  return createServer(async (request, response) => {
    const [key = ''] = (request.url ?? '').split('?');
    const body = await buffer(request);
    if (request.method === 'PUT') {
      const kept = Object.entries(request.headers).filter(([name]) => /^(x-amz-meta-|content-type$)/.test(name));
      objects.set(key, { body, headers: Object.fromEntries(kept) });
      return response.setHeader('etag', '"1"').end();
    }
    const found = objects.get(key);
    if (found)
      return response
        .writeHead(200, { ...found.headers, 'content-length': found.body.length, etag: '"1"' })
        .end(found.body);
    const missing = '<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>none</Message></Error>';
    return response.writeHead(404, { 'content-type': 'application/xml' }).end(missing);
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  server.close();
  await once(server, 'close');
  return port;
}

async function ready(url: string): Promise<void> {
  for (const until = Date.now() + START_LIMIT_MS; Date.now() < until; await sleep(20)) {
    const answer = await fetch(`${url}/ready`).catch(() => undefined);
    if (answer?.ok) return;
  }
  throw new Error('the server did not become ready');
}

async function get(url: string, status: string): Promise<void> {
  const answer = await fetch(url);
  await answer.arrayBuffer();
  const found = answer.headers.get('cache-status') ?? '';
  if (!answer.ok || !found.includes(status)) throw new Error(`${url}: ${answer.status} ${found}, not ${status}`);
}

async function untilQuiet(): Promise<void> {
  for (let quiet = 0; quiet < QUIET.rounds; ) {
    const before = process.cpuUsage();
    await sleep(QUIET.roundMs);
    const { user, system } = process.cpuUsage(before);
    quiet = (user + system) / 1000 < QUIET.cpuMs ? quiet + 1 : 0;
  }
}

/** The face thread with a photo of a face, until V8's own threads have optimised all that it runs; they say nothing of their end. */
async function saveFaceCode(): Promise<void> {
  const size = { width: FACE_PROBE_PX, height: FACE_PROBE_PX, fit: 'inside' } as const;
  const photo = sharp(join(samples, 'astronaut.jpg')).resize(size).ensureAlpha().raw();
  const { data, info } = await photo.toBuffer({ resolveWithObject: true });
  const thread = new Worker(join(dist, 'worker.js'), { workerData: { toSave: true }, stdout: true, stderr: true });
  const answered = async (message: unknown) => {
    thread.postMessage(message);
    const [reply] = await once(thread, 'message');
    return reply;
  };
  await once(thread, 'message'); // 'ready'
  for (let number = 1; number <= FACE_LOOKS; number += 1) {
    const depth = number % 2 === 0 ? 'whole' : 'tiles';
    await answered({ number, depth, data: new Uint8Array(data), width: info.width, height: info.height });
    await untilQuiet();
  }
  const code: Uint8Array | undefined = await answered('code');
  await thread.terminate();
  if (!code) throw new Error('V8 does not tell the code of the face models');
  // Under its name whole or not at all.
  writeFileSync(join(dist, 'faces.new'), code);
  renameSync(join(dist, 'faces.new'), join(dist, 'faces.cache'));
  process.stdout.write(`faces.cache: ${code.length} bytes\n`);
}

const tagAtStart = cachedDataVersionTag();
const folder = mkdtempSync(join(tmpdir(), 'darkroom-code-cache-'));
cpSync(samples, join(folder, 'originals'), { recursive: true });
const bucket = createBucket();
const port = await freePort();
const key = randomBytes(32).toString('hex');
// Settings of the building machine must not change this run.
for (const name of Object.keys(process.env)) if (/^(DARKROOM|AWS|OTEL)_/.test(name)) delete process.env[name];
Object.assign(process.env, {
  ...{ NODE_ENV: 'production', HOST: '127.0.0.1', PORT: String(port), DARKROOM_LOG_LEVEL: 'error' },
  ...{ DARKROOM_SIGNING_KEYS: key, DARKROOM_FACES: 'off', DARKROOM_METRICS_PORT: String(await freePort()) },
  ...{ DARKROOM_ORIGINALS: `file:${join(folder, 'originals')}`, DARKROOM_RESULTS: 's3://results' },
  // Too small for any rendition, so that the second request reads the store.
  DARKROOM_MEMORY_CACHE: '1KiB',
  AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${await listen(bucket)}`,
  ...{ AWS_ACCESS_KEY_ID: 'none', AWS_SECRET_ACCESS_KEY: 'none' },
});
const { script, cachePath } = await import(join(dist, 'main.js'));
const baseUrl = `http://127.0.0.1:${port}`;
await ready(baseUrl);
const images = createImageUrls({ baseUrl, key });
for (const [id, preset] of RENDERS) {
  await get(images.url(id, preset), 'fwd=miss');
  // The save comes after the answer, so the request is repeated until the store has it.
  for (let tries = 0; ; tries += 1) {
    const hit = await get(images.url(id, preset), 'detail=store').then(
      () => true,
      (error) => {
        if (tries === 100) throw error;
        return false;
      },
    );
    if (hit) break;
    await sleep(50);
  }
}
// V8 refuses code of other flags than those that it runs with, and reads this before the server sets any.
growHeapAsBefore();
if (cachedDataVersionTag() !== tagAtStart) throw new Error('the server has set a flag of V8 that is not set back');
const code: Buffer = script.createCachedData();
writeFileSync(cachePath, code);
growHeapSlowly();
process.stdout.write(`${cachePath.slice(dist.length + 1)}: ${code.length} bytes\n`);
await saveFaceCode();
bucket.close();
rmSync(folder, { recursive: true });
process.kill(process.pid, 'SIGTERM');
