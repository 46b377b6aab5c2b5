import { pino } from 'pino';

/** Where log lines go: standard output, without ever holding up the process. */
export interface LogStream {
  write(line: string): void;
  /** Writes what is left, for at most `withinMs`, and closes. Call it before the process ends. */
  end(withinMs: number): Promise<void>;
}

/** Lines kept for a reader that does not keep up, in bytes; beyond that they are dropped. */
const MAX_BACKLOG_BYTES = 1024 * 1024;

export function createLogStream(): LogStream {
  // Not synchronous: a full pipe would stop the event loop until somebody reads.
  const destination = pino.destination({ dest: 1, sync: false, maxLength: MAX_BACKLOG_BYTES });
  destination.on('error', () => {});
  // Whoever read our output may be gone; that is no reason to go too.
  process.stdout.on('error', () => {});
  return {
    write: (line) => void destination.write(line),
    async end(withinMs) {
      const written = Promise.withResolvers<void>();
      const timer = setTimeout(written.resolve, withinMs);
      // Its flush() may call back while a line is still being written and others wait behind it; 'close' comes after all.
      destination.once('close', written.resolve);
      if (withinMs > 0) destination.end();
      else written.resolve();
      await written.promise;
      clearTimeout(timer);
      // Else it would flush once more on exit, synchronously, and wait for ever where the pipe is broken.
      destination.destroy();
    },
  };
}
