import { setImmediate } from 'node:timers/promises';

/** Lets everything run that does not wait for the outside: all settled promises and their followers. */
export async function turns(count = 3): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await setImmediate();
}

/** Waits until something can be seen to have happened; fails after ten seconds. */
export async function until(happened: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!happened()) {
    if (performance.now() > deadline) throw new Error(`never happened: ${happened}`);
    await setImmediate();
  }
}
