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
  const health = new Set(HEALTH_CHECKS.flatMap((path) => [path, pathPrefix + path]));
  let open = 0;
  let timer: NodeJS.Timeout | undefined;

  function begin(): void {
    clearTimeout(timer);
    timer = setTimeout(due, afterMs).unref();
  }

  function due(): void {
    // The end of an open request starts the timer again.
    if (open > 0) return;
    if (Object.values(underWay()).some((count) => count > 0)) begin();
    else {
      server.off('request', count);
      onIdle();
    }
  }

  function count({ url = '' }: IncomingMessage, response: ServerResponse): void {
    if (health.has(url.replace(/\?.*/s, ''))) return;
    open += 1;
    response.once('close', () => {
      open -= 1;
      begin();
    });
  }

  server.on('request', count);
  begin();
}
