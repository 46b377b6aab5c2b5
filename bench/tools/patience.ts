/** Bounded waits: a bench that waits for what never comes ends with a sentence that says what that was. */
import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

/** The work's own result, or an error after so many seconds. The work itself goes on until the process ends. */
export async function within<T>(seconds: number, what: string, work: PromiseLike<T>): Promise<T> {
  const limit = new AbortController();
  const tooLate = delay(seconds * 1000, undefined, { signal: limit.signal }).then(() => {
    throw new Error(`waited ${seconds} s for ${what}`);
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    limit.abort();
    tooLate.catch(() => {});
  }
}

/** Asks every `everyMs` until the answer is true. */
export async function untilTrue(
  seconds: number,
  what: string,
  ask: () => boolean | Promise<boolean>,
  everyMs = 100,
): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (!(await within(seconds, what, Promise.resolve(ask())))) {
    if (performance.now() > end) throw new Error(`waited ${seconds} s for ${what}`);
    await delay(everyMs);
  }
}

/** CPUs that the whole machine used during the next second, such as 0.1 of 2. */
export async function busyCpus(): Promise<number> {
  const spent = () =>
    cpus().reduce(
      (sum, { times }) => ({
        all: sum.all + times.user + times.nice + times.sys + times.irq + times.idle,
        idle: sum.idle + times.idle,
      }),
      { all: 0, idle: 0 },
    );
  const before = spent();
  await delay(1000);
  const after = spent();
  return cpus().length * (1 - (after.idle - before.idle) / Math.max(1, after.all - before.all));
}
