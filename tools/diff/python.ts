import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { Shown } from './chromium.ts';

/** For one picture; a slower one ends the process, and the next picture has a new one. */
const LIMIT_MS = 30_000;
const START_LIMIT_MS = 100_000;

/** A decoder written in Python. */
export interface PythonDecoder {
  readonly version: string;
  /** The picture in a file, or why it shows none. */
  show(path: string): Promise<Shown>;
  close(): void;
}

interface Answer {
  readonly version?: string;
  readonly width?: number;
  readonly height?: number;
  readonly error?: string;
  readonly bytes: number;
}

/**
 * A script of this folder in a process of its own, which gets the largest number of pixels and `args`; undefined where this
 * Python cannot import what the script needs.
 */
export async function startPython(
  python: string,
  script: 'pillow.py' | 'third.py',
  maxPixels: number,
  ...args: readonly string[]
): Promise<PythonDecoder | undefined> {
  const program = [new URL(`./${script}`, import.meta.url).pathname, String(maxPixels), ...args];
  let current = launch(python, program);
  const first = await current.next(START_LIMIT_MS).catch(() => undefined);
  if (first?.head.version === undefined) {
    current.child.kill('SIGKILL');
    return undefined;
  }
  const ask = async (path: string): Promise<Shown> => {
    current.child.stdin.write(`${JSON.stringify(path)}\n`);
    const { head, rows } = await current.next(LIMIT_MS);
    const { width, height, error } = head;
    return width && height ? { width, height, data: rows } : { why: error ?? 'no picture' };
  };
  return {
    version: first.head.version,
    show: (path) =>
      ask(path).catch(async (error: Error) => {
        current.child.kill('SIGKILL');
        current = launch(python, program);
        await current.next(START_LIMIT_MS);
        return { why: error.message };
      }),
    close: () => current.child.kill('SIGKILL'),
  };
}

/** A process, and what it answers: a line of JSON, then so many bytes. */
function launch(python: string, program: readonly string[]) {
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(python, ['-u', ...program], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const chunks: Buffer[] = [];
  let held = 0;
  let wanted = 0;
  let more = Promise.withResolvers<void>();
  child.stdout.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    held += chunk.length;
    if (held >= wanted) more.resolve();
  });
  const ended = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error('Python ended')));
  });
  ended.catch(() => {});
  child.stdin.on('error', () => {});
  /** All that has come, once it is at least so many bytes. */
  const atLeast = async (bytes: number, overdue: Promise<never>): Promise<Buffer> => {
    wanted = bytes;
    while (held < bytes) {
      more = Promise.withResolvers<void>();
      await Promise.race([more.promise, ended, overdue]);
    }
    return Buffer.concat(chunks);
  };
  return {
    child,
    async next(limitMs: number): Promise<{ head: Answer; rows: Buffer }> {
      const late = Promise.withResolvers<never>();
      late.promise.catch(() => {});
      const timer = setTimeout(() => late.reject(new Error('too slow')), limitMs);
      try {
        let all = await atLeast(1, late.promise);
        for (; !all.includes('\n'); all = await atLeast(all.length + 1, late.promise));
        const start = all.indexOf('\n') + 1;
        const head: Answer = JSON.parse(all.toString('utf8', 0, start));
        all = await atLeast(start + head.bytes, late.promise);
        chunks.length = 0;
        held = 0;
        return { head, rows: all.subarray(start) };
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
