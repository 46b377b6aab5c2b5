import { errors } from '../../../src/errors.ts';
import type { Draws } from '../../helpers/draws.ts';
import type { Host, VirtualTime } from './virtual-time.ts';

/** The way from one machine to a store or to others, with planted delays and losses. */
export interface Link {
  /** `silent`: nothing comes back until the caller gives up; `refuses`: an error at once. */
  cut: 'no' | 'silent' | 'refuses';
  /** How often a call goes wrong, from 0 to 1. */
  faults: number;
  /** Calls that failed so far, and when the last one did. */
  failures: number;
  failedAt: number;
  /**
   * Carries out one call: the way there, `apply`, the way back. A call whose caller gave up, or was killed, may be applied all
   * the same, and later.
   */
  call<T>(apply: () => T | Promise<T>, signal?: AbortSignal): Promise<T>;
}

/** An adapter gives up after this, as `DARKROOM_STORE_TIMEOUT`. */
const ADAPTER_MS = 10_000;
const REFUSED_MS = 2;
/** How long after its caller gave up a request may still take effect: with the longest way there, less than a purge window. */
const LATE_MS = 3000;

/** Mostly as in one data centre; now and then longer than a lookup is waited for, seldom as long as an adapter waits. */
export function latency({ share, below }: Draws): number {
  const kind = share();
  if (kind < 0.7) return below(6);
  if (kind < 0.9) return below(250);
  return kind < 0.985 ? below(1600) : below(9000);
}

export function createLink(time: VirtualTime, host: Host, draws: Draws, faults: number): Link {
  const link: Link = {
    ...{ cut: 'no', faults, failures: 0, failedAt: 0 },
    call<T>(apply: () => T | Promise<T>, signal?: AbortSignal): Promise<T> {
      const answer = Promise.withResolvers<T>();
      answer.promise.catch(() => {});
      signal?.throwIfAborted();
      const giveUp = () => fail(signal?.reason);
      signal?.addEventListener('abort', giveUp);
      let over = false;
      const end = () => {
        over = true;
        signal?.removeEventListener('abort', giveUp);
      };
      const back = (ms: number, settle: () => void) => time.after(ms, () => time.deliver(host, settle));
      function succeed(value: T): void {
        end();
        answer.resolve(value);
      }
      function fail(reason: unknown): void {
        if (over) return;
        end();
        link.failures += 1;
        link.failedAt = time.now;
        answer.reject(reason);
      }
      if (link.cut !== 'no') {
        const [ms, reason] =
          link.cut === 'refuses' ? [REFUSED_MS, errors.storeFailed] : [ADAPTER_MS, errors.storeTimeout];
        back(ms, () => fail(reason(new Error('planted'))));
        return answer.promise;
      }
      const [there, again] = [latency(draws), latency(draws)];
      const fate = draws.share() / link.faults;
      const endsWithItsCaller = draws.happens(0.5);
      if (fate < 0.4) {
        back(there, () => fail(errors.storeFailed(new Error('planted: never arrived'))));
        return answer.promise;
      }
      // The answer is lost, or the request takes longer than its caller waits.
      const lost = fate < 1;
      const late = fate < 0.7 ? 0 : draws.below(LATE_MS);
      back(there + again, () => (lost ? fail(errors.storeTimeout(new Error('planted: no answer'))) : undefined));
      time.after(there + (lost ? late : 0), () => {
        if (!host.alive && endsWithItsCaller) return;
        Promise.resolve()
          .then(apply)
          .then(
            (value) => (lost ? undefined : back(again, () => succeed(value))),
            (reason) => back(again, () => fail(reason)),
          );
      });
      return answer.promise;
    },
  };
  return link;
}

/** An HTTP server that can be reached by its name. */
export type Server = (path: string, init: RequestInit) => Promise<{ status: number }>;

/** Takes the place of `fetch` until it is disposed of: nothing leaves this process. */
export function installFetch(servers: ReadonlyMap<string, Server>, linkOf: () => Link | undefined): Disposable {
  const real = globalThis.fetch;
  const virtual: typeof fetch = async (input, init = {}) => {
    const url = new URL(String(input));
    const server = servers.get(url.hostname);
    const call = async () => {
      if (!server) throw new TypeError('fetch failed');
      return server(url.pathname, init);
    };
    const link = linkOf();
    const answer = link ? await link.call(call, init.signal ?? undefined) : await call();
    return new Response(null, { status: answer.status });
  };
  globalThis.fetch = virtual;
  return {
    [Symbol.dispose]() {
      globalThis.fetch = real;
    },
  };
}
