import type { IncomingMessage, Server, ServerResponse } from 'node:http';

export interface IdleExitOptions {
  /** Without a request, in milliseconds; never when undefined. */
  readonly afterMs: number | undefined;
  /** How much goes on that nobody waits for any more, such as saves; while there is some, another such time passes. */
  underWay(): Readonly<Record<string, number>>;
  /** Called once, with nothing open and nothing to do. */
  onIdle(): void;
}

/** Hosts ask these of a process that nobody else asks anything. */
const HEALTH_CHECK = /^\/(health|ready)(\?|$)/;

/**
 * For hosts that start a process by the first request and do not stop it themselves. Requests count until their answers
 * are sent; health checks never do, and metrics have a port of their own.
 */
export function exitWhenIdle(server: Server, { afterMs, underWay, onIdle }: IdleExitOptions): void {
  if (afterMs === undefined) return;
  let open = 0;
  let timer: NodeJS.Timeout | undefined;

  function begin(): void {
    clearTimeout(timer);
    timer = setTimeout(due, afterMs).unref();
  }

  function due(): void {
    // What is open begins the time anew by its end.
    if (open > 0) return;
    if (Object.values(underWay()).some((count) => count > 0)) begin();
    else {
      server.off('request', count);
      onIdle();
    }
  }

  function count({ url = '' }: IncomingMessage, response: ServerResponse): void {
    if (HEALTH_CHECK.test(url)) return;
    open += 1;
    response.once('close', () => {
      open -= 1;
      begin();
    });
  }

  server.on('request', count);
  begin();
}
