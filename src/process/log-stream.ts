import { pino } from 'pino';

/** Writes log lines to standard output and never blocks the process. */
export interface LogStream {
  write(line: string): void;
  /** Writes the backlog, for at most `withinMs`, and closes. Call it before the process ends. */
  end(withinMs: number): Promise<void>;
}

/** Backlog for a reader that does not keep up, in bytes; further lines are dropped. */
const MAX_BACKLOG_BYTES = 1024 * 1024;

export function createLogStream(): LogStream {
  // Not synchronous: a full pipe would stop the event loop until its reader goes on.
  const destination = pino.destination({ dest: 1, sync: false, maxLength: MAX_BACKLOG_BYTES });
  destination.on('error', () => {});
  // The reader of standard output may end before this process, which goes on without it.
  process.stdout.on('error', () => {});
  return {
    write: (line) => void destination.write(line),
    async end(withinMs) {
      const written = Promise.withResolvers<void>();
      const timer = setTimeout(written.resolve, withinMs);
      // flush() may call back while lines are still being written; 'close' comes after the last one.
      destination.once('close', written.resolve);
      if (withinMs > 0) destination.end();
      else written.resolve();
      await written.promise;
      clearTimeout(timer);
      // Otherwise pino flushes again on exit, synchronously, and a broken pipe blocks it for ever.
      destination.destroy();
    },
  };
}
