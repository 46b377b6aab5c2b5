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
  /** Drains and exits with code 0. A second call ends the process at once. `reason`: a signal's name, or `idle`. */
  begin(reason: string): void;
  /** The same with exit code 1: this process cannot work. */
  fail(reason: string): void;
  /** The same after a render that never returned, whose thread would block `process.exit()`. */
  giveUp(): void;
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
    begin: (reason) => void stop(reason),
    fail,
    giveUp() {
      lost = true;
      fail('watchdog');
    },
  };
}
