/**
 * The limit: sharp in a loop and nothing else, in a process of its own. Called by the benches with a job in JSON as its
 * argument; prints what it took in JSON.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { bare, type Product, type Settings } from './recipes.ts';

export interface Job {
  readonly files: readonly string[];
  readonly presets: readonly Product[];
  readonly settings: Settings;
  /** Renditions under way at a time. */
  readonly atATime: number;
}
export interface Done {
  readonly seconds: number;
  readonly cpuMs: number;
  readonly bytes: number;
  readonly renditions: number;
}

/** Each file in each preset, in a fresh process that has rendered two before it is measured. */
export async function bareLoop(job: Job): Promise<Done> {
  const { stdout } = await promisify(execFile)(process.execPath, [import.meta.filename, JSON.stringify(job)], {
    env: { ...process.env, UV_THREADPOOL_SIZE: '8' },
  });
  return JSON.parse(stdout);
}

async function work({ files, presets, settings, atATime }: Job): Promise<Done> {
  const all = files.flatMap((file) => presets.map((preset) => ({ file, preset })));
  for (const { file, preset } of all.slice(0, 2)) await bare(sharp, file, preset, settings);
  const [since, cpu] = [performance.now(), process.cpuUsage()];
  const rest = all.values();
  let bytes = 0;
  const worker = async () => {
    for (const { file, preset } of rest) {
      const { length } = await bare(sharp, file, preset, settings);
      bytes += length;
    }
  };
  await Promise.all(Array.from({ length: atATime }, worker));
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - since) / 1000;
  return { seconds, cpuMs: (user + system) / 1000, bytes, renditions: all.length };
}

if (import.meta.main) {
  // As the server does; both are what a bare loop would be without them, at best.
  sharp.concurrency(1);
  sharp.cache(false);
  process.stdout.write(JSON.stringify(await work(JSON.parse(process.argv[2] ?? ''))));
}
