import { setImmediate } from 'node:timers/promises';

/** Lets everything run that does not wait for the outside: all settled promises and their followers. */
export async function turns(count = 3): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await setImmediate();
}
