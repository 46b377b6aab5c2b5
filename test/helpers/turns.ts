import { setTimeout as delay, setImmediate } from 'node:timers/promises';

/** Lets everything run that does not wait for the outside: all settled promises and their followers. */
export async function turns(count = 3): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await setImmediate();
}

/** How long a test waits for an event before it fails, in milliseconds: bounds a hang, and says nothing of speed. */
export const PATIENCE_MS = 100_000;

/** Waits until something can be seen to have happened; fails after `PATIENCE_MS`. */
export async function until(happened: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!happened()) {
    if (performance.now() > deadline) throw new Error(`never happened: ${happened}`);
    await setImmediate();
  }
}

/** The same for what has to be asked, at most every `everyMs`. Resolves to the first answer that will do. */
export async function untilAnswer<T>(ask: () => Promise<T>, will: (answer: T) => boolean, everyMs = 20): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (will(answer)) return answer;
    if (performance.now() > deadline) throw new Error(`never happened: ${will}; last ${JSON.stringify(answer)}`);
    await delay(everyMs);
  }
}
