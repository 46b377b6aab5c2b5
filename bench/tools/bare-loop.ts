/**
 * The limit: sharp, or the engine, in a loop and nothing else, in a process of its own. Called by the benches with a job in JSON as
 * its argument; prints what it took in JSON.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import sharp from 'sharp';
import type { EngineJob } from '../../src/render/engine/engine.ts';
import { createS3Store, type S3StoreOptions } from '../../src/stores/s3/s3-store.ts';
import { engineLoop } from './engine-loop.ts';
import { onFirstCpus } from './process.ts';
import { bare, type Measured, type Settings } from './recipes.ts';

export interface Job {
  readonly files: readonly string[];
  /** Where the files are keys of, and where each rendition is put behind it; a disk is only read when left out. */
  readonly bucket?: S3StoreOptions;
  /** How many of the files are rendered before it is measured; two, again among the measured ones, when left out. */
  readonly warmUp?: number;
  readonly presets: readonly Measured[];
  /** `engine`: by the native engine, with our settings. */
  readonly settings: Settings | 'engine';
  /** Renditions under way at a time. */
  readonly atATime: number;
  /** CPUs that it has; all when left out. */
  readonly cpus?: number | undefined;
}
export interface Done {
  readonly seconds: number;
  readonly cpuMs: number;
  readonly bytes: number;
  readonly renditions: number;
}

/** Each file in each preset, in a fresh process that has rendered some before it is measured. */
export async function bareLoop(job: Job): Promise<Done> {
  const [command = '', ...args] = [
    ...onFirstCpus(job.cpus),
    process.execPath,
    import.meta.filename,
    JSON.stringify(job),
  ];
  const { stdout } = await promisify(execFile)(command, args, {
    env: { ...process.env, UV_THREADPOOL_SIZE: '8', ...awsEnvironment(job.bucket) },
  });
  return JSON.parse(stdout);
}

/** Where the SDK, which writes, looks for credentials. */
function awsEnvironment(bucket: S3StoreOptions | undefined): Record<string, string> {
  const { accessKeyId = '', secretAccessKey = '' } = bucket?.credentials ?? {};
  return bucket ? { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } : {};
}

interface Carrier {
  read(file: string): Promise<Buffer>;
  write(name: string, body: Buffer): Promise<void>;
}

function carrier(bucket: S3StoreOptions | undefined): Carrier {
  if (!bucket) return { read: (file) => readFile(file), write: async () => {} };
  const store = createS3Store(bucket);
  const limits = () => ({ signal: new AbortController().signal, maxBytes: Number.MAX_SAFE_INTEGER });
  return {
    async read(key) {
      const object = await store.get(key, { ...limits(), bodyOnly: true });
      if (!object) throw new Error(`there is no ${key}`);
      return object.body;
    },
    write: (key, body) =>
      store.put(key, { body, contentType: 'image/webp', cacheControl: undefined, metadata: {} }, limits()),
  };
}

type Render = (original: Buffer, preset: Measured, file: string) => Promise<Buffer>;

const bySharp =
  (settings: Settings): Render =>
  (original, preset) =>
    bare(sharp, original, preset, settings);

/** The jobs are ready before anything is measured. */
async function byEngine(
  read: Carrier['read'],
  files: readonly string[],
  presets: readonly Measured[],
): Promise<Render> {
  const loop = engineLoop();
  const jobs = new Map<string, EngineJob>();
  for (const file of files)
    for (const preset of presets) jobs.set(`${preset} ${file}`, await loop.prepare(await read(file), preset));
  return (original, preset, file) => loop.render(original, jobs.get(`${preset} ${file}`)!);
}

async function work({ files, warmUp, bucket, presets, settings, atATime }: Job): Promise<Done> {
  const { read, write } = carrier(bucket);
  const render = settings === 'engine' ? await byEngine(read, files, presets) : bySharp(settings);
  const one = async (file: string, preset: Measured) => {
    const body = await render(await read(file), preset, file);
    return { bytes: body.length, saved: write(`bare/${preset}/${file}`, body) };
  };
  const each = (some: readonly string[]) => some.flatMap((file) => presets.map((preset) => ({ file, preset })));
  const all = each(files.slice(warmUp ?? 0));
  const first = warmUp === undefined ? all.slice(0, 2) : each(files.slice(0, warmUp));
  for (const { file, preset } of first) await (await one(file, preset)).saved;
  const [since, cpu] = [performance.now(), process.cpuUsage()];
  const rest = all.values();
  let bytes = 0;
  const saves: Promise<void>[] = [];
  const worker = async () => {
    for (const { file, preset } of rest) {
      const done = await one(file, preset);
      bytes += done.bytes;
      saves.push(done.saved);
    }
  };
  await Promise.all(Array.from({ length: atATime }, worker));
  const rendered = performance.now();
  // Behind the renditions, as the server does: its CPU counts, waiting for it does not.
  await Promise.all(saves);
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (rendered - since) / 1000;
  return { seconds, cpuMs: (user + system) / 1000, bytes, renditions: all.length };
}

if (import.meta.main) {
  // As the server does; both are what a bare loop would be without them, at best.
  sharp.concurrency(1);
  sharp.cache(false);
  process.stdout.write(JSON.stringify(await work(JSON.parse(process.argv[2] ?? ''))));
}
