import type { IncomingMessage, Server, ServerResponse } from 'node:http';

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
