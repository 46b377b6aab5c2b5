import type { LookupFunction } from 'node:net';

export interface PoolsOptions {
  /** Limit of one call in milliseconds, body included. */
  readonly timeoutMs: number;
  /** Sockets kept for each host, and as many again for retries; 50 unless told. */
  readonly connections?: number | undefined;
  /** How long an idle socket is kept, in milliseconds; undici's own choice unless told. */
  readonly keepAliveTimeout?: number;
  /** How names are resolved, where that is not left to Node. */
  readonly lookup?: LookupFunction | undefined;
}

const CONNECT_TIMEOUT_MS = 1000;
/** undici's timers over a second run on a coarse clock and fire up to half a second early; the deadline speaks first. */
const BACKSTOP_MS = 1000;
/** How a kept-alive socket dies that the other side closed while it was idle. */
const STALE_SOCKET = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/**
 * Connections to a store behind HTTP: those that are kept, and others for what is asked once more, because after a suspended
 * machine wakes up all that were kept may be dead. undici is loaded on first use.
 */
export async function openPools({ timeoutMs, connections = 50, lookup, ...more }: PoolsOptions) {
  const { Agent, request } = await import('undici');
  const settings = {
    ...{ ...more, connections },
    // One answer a socket, so that giving up on a body gives up that socket and nothing else.
    allowH2: false,
    headersTimeout: timeoutMs + BACKSTOP_MS,
    bodyTimeout: timeoutMs + BACKSTOP_MS,
    connect: { timeout: Math.min(CONNECT_TIMEOUT_MS, timeoutMs), ...(lookup ? { lookup } : {}) },
  };
  const pool = new Agent({ ...settings, pipelining: 1 });
  // Pipelining 0 means no keep-alive: every request opens its own socket.
  const fresh = new Agent({ ...settings, pipelining: 0 });
  return { pool, fresh, request, destroy: () => Promise.all([pool.destroy(), fresh.destroy()]) };
}

export function isStaleSocket(error: unknown): boolean {
  return STALE_SOCKET.has((error as NodeJS.ErrnoException).code ?? '');
}
