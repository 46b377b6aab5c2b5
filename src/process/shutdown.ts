import type { FastifyBaseLogger } from 'fastify';
import type { LogStream } from './log-stream.ts';

/** The steps before the exit, in this order. */
export interface ShutdownSteps {
  /** Closes the port, then finishes and answers the requests under way. */
  closeServer(): Promise<unknown>;
  /** Finishes the saves behind answers. Resolves to the number of saves that were given up. */
  drainSaves(withinMs: number): Promise<number>;
  /** Closes everything that was opened, in reverse order; `withinMs` are left for the last spans. */
  release(withinMs: number): Promise<unknown>;
}

export interface ShutdownOptions extends ShutdownSteps {
  /** From the first signal to the exit, in milliseconds. */
  readonly timeoutMs: number;
  readonly log: FastifyBaseLogger;
  readonly logStream: LogStream;
  /** Shared with the routes: `/ready` answers 503 from the first signal on. */
  readonly life: { draining: boolean };
  /** Counts of work for the log line with which draining begins. */
  underWay(): Record<string, number>;
}

export interface Shutdown {
  /** Begins at SIGINT and SIGTERM, and logs failures that no code handles: they must not end every request under way. */
  listen(): void;
  /** A signal, or another reason to stop. The second one ends the process at once. */
  begin(reason: string): void;
  /** The engine does not load: the process ends as after a signal, but with an error. */
  cannotRender(error: unknown): void;
  /** A render has not returned for so many milliseconds: its slot is lost for good, and the process ends with an error. */
  giveUp(ms: number): void;
}

/** Part of the shutdown's time that is kept for closing sockets and the last log line, in milliseconds. */
const LAST_WORDS_MS = 300;

/** `/ready` answers 503, the port closes, open requests are answered, saves are finished; then the process exits. */
export function createShutdown(options: ShutdownOptions): Shutdown {
  const { timeoutMs, log, logStream, life } = options;
  let lost = false;
  let failed = false;

  async function stop(reason: string): Promise<void> {
    if (life.draining) return exit(1, 0);
    life.draining = true;
    const deadline = performance.now() + timeoutMs;
    const overdue = setTimeout(() => {
      log.error('the shutdown took too long');
      void exit(1);
    }, timeoutMs);
    overdue.unref();
    log.info({ signal: reason, ...options.underWay() }, 'draining');
    await options.closeServer();
    const unsaved = await options.drainSaves(Math.max(0, deadline - performance.now() - LAST_WORDS_MS));
    await options.release(Math.max(0, deadline - performance.now() - LAST_WORDS_MS / 2));
    log.info({ lost: unsaved }, 'drained');
    await exit(failed ? 1 : 0);
  }

  async function exit(code: number, lastWordsMs = LAST_WORDS_MS): Promise<void> {
    await logStream.end(lastWordsMs);
    // exit() waits for all of libuv's threads, so a hanging one would keep the process for ever; abort() waits for none.
    if (lost) process.abort();
    process.exit(code);
  }

  function fail(reason: string): void {
    failed = true;
    void stop(reason);
  }

  return {
    listen() {
      for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, (name) => void stop(name));
      process.on('unhandledRejection', (reason) => log.error({ err: reason }, 'a failure was not handled'));
    },
    begin: (reason) => void stop(reason),
    cannotRender(error) {
      log.fatal({ err: error }, 'no picture can be rendered here');
      fail('engine');
    },
    giveUp(ms) {
      log.fatal({ ms: Math.round(ms) }, 'a render never returned: its slot is lost, so this process ends');
      lost = true;
      fail('watchdog');
    },
  };
}
