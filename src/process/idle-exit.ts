import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export interface IdleExitOptions {
  /** Without a request, in milliseconds; never when undefined. */
  readonly afterMs: number | undefined;
  /** Below which the health checks answer too; empty where left out. */
  readonly pathPrefix?: string;
  /** Counts of background work, such as saves; while one is above 0 the process waits `afterMs` again. */
  underWay(): Readonly<Record<string, number>>;
  /** Called once, when no request is open and no work is under way. */
  onIdle(): void;
}

/** Hosts call these routes of an idle process too. */
const HEALTH_CHECKS = ['/health', '/ready'];

/**
 * For hosts that start a process at the first request and do not stop it themselves. A request counts until its answer is
 * sent; health checks do not count, and metrics have a port of their own.
 */
export function exitWhenIdle(server: Server, options: IdleExitOptions): void {
  const { afterMs, pathPrefix = '', underWay, onIdle } = options;
  if (afterMs === undefined) return;
  const requests = watchRequests(server, pathPrefix, afterMs, () => {
    if (Object.values(underWay()).some((count) => count > 0)) requests.wait();
    else {
      requests.stop();
      onIdle();
    }
  });
  requests.wait();
}

/** Calls `onIdle` each time that no request was open for so many milliseconds since the last one, or since `wait`. */
export function watchRequests(
  server: Server,
  pathPrefix: string,
  afterMs: number,
  onIdle: () => void,
): { wait(): void; stop(): void } {
  const health = new Set(HEALTH_CHECKS.flatMap((path) => [path, pathPrefix + path]));
  let open = 0;
  let timer: NodeJS.Timeout | undefined;

  function wait(): void {
    clearTimeout(timer);
    timer = setTimeout(due, afterMs).unref();
  }

  function due(): void {
    // The end of an open request starts the timer again.
    if (open === 0) onIdle();
  }

  function count({ url = '' }: IncomingMessage, response: ServerResponse): void {
    if (health.has(url.replace(/\?.*/s, ''))) return;
    open += 1;
    response.once('close', () => {
      open -= 1;
      wait();
    });
  }

  server.on('request', count);
  return { wait, stop: () => server.off('request', count) };
}

export interface RestOptions {
  /** Below which the health checks answer too; empty where left out. */
  readonly pathPrefix?: string;
  /** Bytes of V8's young generation that are in memory. */
  young?(): number;
  collect?(): void;
}

/** Without a request. What is left after a burst of them is garbage by then, and nobody waits for the pause. */
const AFTER_MS = 10_000;
/** Below it there is little to gain for some 30 ms of CPU. */
const WORTH_BYTES = 16 * 1024 * 1024;

/**
 * Gives memory back when requests stop coming. V8 lets its young generation grow with what was live when it was last collected, up to 96 MiB
 * on a large machine, and collects it only when it is full: after the last request it stays as it is.
 */
export function collectAtRest(server: Server, options: RestOptions = {}): void {
  const { pathPrefix = '', young = youngGeneration, collect = collectGarbage } = options;
  watchRequests(server, pathPrefix, AFTER_MS, () => {
    if (young() >= WORTH_BYTES) collect();
  });
}

export function youngGeneration(): number {
  const space = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
  return space?.physical_space_size ?? 0;
}

interface Collection {
  readonly type: 'major';
  readonly flavor: 'last-resort';
}
let gc: ((how: Collection) => void) | undefined;

/** The whole heap of this thread. V8 hands pages of the young generation back as a last resort only. */
export function collectGarbage(): void {
  gc ??= garbageCollector();
  gc({ type: 'major', flavor: 'last-resort' });
}

/** V8 refuses compiled code that was kept under other flags than those of now, so this one is taken back at once. */
function garbageCollector(): (how: Collection) => void {
  setFlagsFromString('--expose-gc');
  try {
    return runInNewContext('gc') as (how: Collection) => void;
  } finally {
    setFlagsFromString('--no-expose-gc');
  }
}
