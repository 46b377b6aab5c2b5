import type { LookupFunction } from 'node:net';

export interface PoolsOptions {
  /** Limit of one call in milliseconds, body included; connecting may take up to a second of it. */
  readonly timeoutMs: number;
  /** Sockets kept for each host, and as many again for retries. Default: 50. */
  readonly connections?: number | undefined;
  /** How long an idle socket is kept, in milliseconds. Default: undici's 4 s, or what the server says. */
  readonly keepAliveTimeout?: number;
  /** Resolves host names. Default: `dns.lookup`. */
  readonly lookup?: LookupFunction | undefined;
}

const CONNECT_TIMEOUT_MS = 1000;
/** undici's timers over a second run on a coarse clock and fire up to half a second early; the call's deadline comes first. */
const BACKSTOP_MS = 1000;
/** Error codes of a kept-alive socket that the server closed while it was idle. */
const STALE_SOCKET = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/**
 * Connections to a store behind HTTP: `pool` keeps its sockets; `fresh` opens one for each request, for retries, because
 * after a suspend all kept sockets may be dead. undici is loaded on first use.
 */
export async function openPools({ timeoutMs, connections = 50, lookup, ...more }: PoolsOptions) {
  const { Agent, request } = await import('undici');
  const settings = {
    ...{ ...more, connections },
    // HTTP/1.1 has one answer a socket, so that an abandoned body costs that socket and no other request.
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
