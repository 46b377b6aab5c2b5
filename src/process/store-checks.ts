import { setTimeout as delay } from 'node:timers/promises';

/** What a store said when it was asked whether it can be used. */
type Answer = { readonly usable: true; readonly note?: string } | { readonly usable: false; readonly why: string };

interface CheckedStore {
  check(options: { readonly signal: AbortSignal }): Promise<Answer>;
}

interface Log {
  warn(details: object, what: string): void;
  error(details: object, what: string): void;
}

const CHECK_MS = 10_000;
const PAUSE_MS = 5000;

/** Asks each store at the start, and again until it can be used; calls `then` when all can. The log says what is wrong. */
export function whenStoresAreUsable(
  stores: Readonly<Record<string, CheckedStore | undefined>>,
  log: Log,
  signal: AbortSignal,
  then: () => void,
): void {
  async function untilUsable(name: string, store: CheckedStore | undefined): Promise<void> {
    for (let told = ''; store; ) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(CHECK_MS)]);
      const answer = await (store.check?.({ signal: limit }) ?? Promise.resolve({ usable: true } as const)).catch(
        unusable,
      );
      if (answer.usable && answer.note) log.warn({ store: name }, answer.note);
      if (answer.usable) return;
      if (answer.why !== told) log.error({ store: name }, `not ready: ${answer.why}`);
      told = answer.why;
      await delay(PAUSE_MS, undefined, { signal, ref: false });
    }
  }
  const all = Object.entries(stores).map(([name, store]) => untilUsable(name, store));
  // Rejects only when the process stops.
  Promise.all(all).then(then, () => {});
}

function unusable(error: unknown): Answer {
  return { usable: false, why: error instanceof Error ? error.message : String(error) };
}
