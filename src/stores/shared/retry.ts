import { setTimeout as delay } from 'node:timers/promises';
import type { Agent } from 'undici';
import type { openPools } from './pools.ts';

/** Retries of the requests of one store behind HTTP. */
export interface Retries {
  /** Counts one call of the store: each earns a tenth of a retry. */
  earn(): void;
  /** Sends a request that is safe to repeat, at most three times in all. */
  send<Answer>(pools: Pick<Pools, 'pool' | 'fresh'>, request: RepeatableRequest<Answer>): Promise<Answer>;
}

type Pools = Awaited<ReturnType<typeof openPools>>;

export interface RepeatableRequest<Answer> {
  /** Sends once. Throws `Unanswered` when the connection died before a byte of the answer. */
  send(agent: Agent): Promise<Answer>;
  /** Whether the same request may be answered better: at once, after a pause, or never (undefined). */
  again(answer: Answer): 'at once' | 'after a pause' | undefined;
  /** Releases an answer that is not used because the request is sent again. */
  drop?(answer: Answer): void;
  readonly limit: AbortSignal;
}

/** The connection died before a byte of the answer: RFC 9110, 9.2.2 lets an idempotent request be repeated then. */
export class Unanswered extends Error {}

/** A store that is down must not get twice the load for it. */
const RETRIES_PER_CALL = 0.1;
/** At first, and after quiet times. */
const MOST_RETRIES = 10;
const PAUSE_MS = 100;

export function createRetries(): Retries {
  let left = MOST_RETRIES;

  function take(): boolean {
    if (left < 1) return false;
    left -= 1;
    return true;
  }

  return {
    earn() {
      left = Math.min(MOST_RETRIES, left + RETRIES_PER_CALL);
    },

    async send({ pool, fresh }, { send, again, drop, limit }) {
      let mayBeStale = true;
      const attempt = () =>
        send(pool).catch((error) => {
          if (!(error instanceof Unanswered) || !mayBeStale || limit.aborted) throw error;
          // Not from the pool again, and not at the budget's cost: after a suspended machine wakes up, all kept sockets
          // may be dead at once.
          mayBeStale = false;
          return send(fresh);
        });
      const first = await attempt();
      const when = again(first);
      if (when === undefined || !take()) return first;
      drop?.(first);
      // Spread, so that the calls of a store that stumbles do not return to it at the same moment.
      if (when === 'after a pause') await delay(PAUSE_MS * (0.5 + Math.random()), undefined, { signal: limit });
      return attempt();
    },
  };
}
