import { connect, type Socket } from 'node:net';

/** What one crowd does: that many connections, each from one of several loopback addresses. */
export interface CrowdOrder {
  readonly port: number;
  readonly count: number;
  /** Sent by each once connected. */
  readonly text: string;
  /** Then one byte of this, over and over, that often. */
  readonly drip?: { readonly text: string; readonly everyMs: number };
  /** Reads at most 1 KB that often; without it, whatever comes. */
  readonly readEveryMs?: number;
}

export interface CrowdReport {
  readonly opened: number;
  readonly closed: number;
  /** Connections on which an answer has begun to come. */
  readonly begun: number;
  /** Of the first answer on each connection. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly failures: Readonly<Record<string, number>>;
}

const ADDRESSES = 8;
/** So many connects at a time: the queue of a listening socket holds 511. */
const AT_A_TIME = 200;

const counts = {
  ...{ opened: 0, closed: 0, begun: 0 },
  statuses: {} as Record<string, number>,
  failures: {} as Record<string, number>,
};
const note = (where: Record<string, number>, what: string) => {
  where[what] = (where[what] ?? 0) + 1;
};

function join({ port, text, drip, readEveryMs }: CrowdOrder, n: number): Promise<void> {
  return new Promise((resolve) => {
    const timers: NodeJS.Timeout[] = [];
    const socket: Socket = connect({ port, host: '127.0.0.1', localAddress: `127.0.0.${1 + (n % ADDRESSES)}` });
    socket.on('connect', () => {
      counts.opened += 1;
      if (text) socket.write(text);
      if (drip) timers.push(setInterval(() => socket.write(drip.text), drip.everyMs));
      if (readEveryMs) timers.push(setInterval(() => socket.read(Math.min(1024, socket.readableLength)), readEveryMs));
      resolve();
    });
    socket.once('readable', () => {
      if (socket.readableLength > 0) counts.begun += 1;
    });
    if (!readEveryMs) {
      socket.once('data', (chunk) => note(counts.statuses, chunk.toString('latin1').slice(9, 12)));
      socket.resume();
    }
    socket.on('error', (error: NodeJS.ErrnoException) => {
      note(counts.failures, error.code ?? error.message);
      resolve();
    });
    socket.on('close', () => {
      counts.closed += 1;
      for (const timer of timers) clearInterval(timer);
    });
  });
}

process.on('message', async (order: CrowdOrder | 'report') => {
  if (order !== 'report') {
    for (let from = 0; from < order.count; from += AT_A_TIME) {
      const batch = Array.from({ length: Math.min(AT_A_TIME, order.count - from) }, (_, n) => join(order, from + n));
      await Promise.all(batch);
    }
  }
  process.send?.(counts);
});
