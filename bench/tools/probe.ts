/**
 * Loaded before a measured process's own code (`node --import`): answers its CPU so far on a Unix socket, to the
 * microsecond, where /proc counts in ticks of 10 ms. Costs nothing while nobody asks.
 */
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { isMainThread } from 'node:worker_threads';

const { BENCH_PROBE: path } = process.env;
if (isMainThread && path) {
  // A process that began again in its place left the socket behind.
  rmSync(path, { force: true });
  createServer((socket) => socket.on('error', () => {}).end(JSON.stringify(process.cpuUsage())))
    .listen(path)
    .unref();
}
