import { type IncomingMessage, type RequestListener, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { errors } from '../errors.ts';

/** On every answer, pictures and errors alike: nothing here is ever a page, a script or a frame. */
export const SAFE_HEADERS = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; sandbox",
  'cross-origin-resource-policy': 'cross-origin',
  'access-control-allow-origin': '*',
  'timing-allow-origin': '*',
} as const;

/** How much of this server one connection may take, and how long. Milliseconds, bytes, counts. */
export interface ConnectionLimits {
  readonly headersTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly checkEveryMs: number;
  readonly sendTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  readonly maxPipelined: number;
  readonly maxRequestsPerSocket: number;
  readonly maxConnections: number;
}

/** Connections are a CDN's: few, long-lived, and quick to send their headers. */
export const CONNECTION_LIMITS: ConnectionLimits = {
  // From the connect, or from the first byte of a later request, to the end of its headers.
  headersTimeoutMs: 10_000,
  // JSON of 64 KiB at most, from the shop's own servers.
  bodyTimeoutMs: 10_000,
  // The one slow body is an upload to a folder: 5 MB from a telephone at 0.7 Mbit/s.
  requestTimeoutMs: 60_000,
  // Node looks at headers and requests only so often, 30 s by itself; so they end between 10 and 15 s, 60 and 65 s.
  checkEveryMs: 5_000,
  // For one answer, from its first byte to its last: a reader of 1 KB/s holds no rendition for hours.
  sendTimeoutMs: 60_000,
  // Longer than the 60 s that most proxies keep an idle connection, so that they close first and never hit a dead one.
  keepAliveTimeoutMs: 72_000,
  // A path of 512 id bytes takes 1.6 KB at most; Node answers 431 to more than this.
  maxHeaderBytes: 16_384,
  // CDNs send some thirty. Node's parser is told the same; what it lets through is counted again.
  maxHeaders: 100,
  // Requests under way on one connection. No CDN or browser sends a second before the first is answered, and Node begins
  // all that one read brings: 10,000 in 600 KB kept everybody else waiting for seconds.
  maxPipelined: 100,
  // Long-lived connections end now and then, so that machines that were added get their share.
  maxRequestsPerSocket: 10_000,
  // Of machines with memory; see connectionsWithin.
  maxConnections: 16_384,
};

const IDLE_CONNECTION_BYTES = 10 * 1024;
const CONNECTIONS_SHARE = 1 / 16;

/** How many connections a machine of this memory can hold, at the 10 KiB that an idle one was measured to take. */
export function connectionsWithin(memoryBytes: number): number {
  const affordable = Math.floor((memoryBytes * CONNECTIONS_SHARE) / IDLE_CONNECTION_BYTES);
  return Math.min(CONNECTION_LIMITS.maxConnections, affordable);
}

/** The limits as Fastify and Node take them. */
export function serverOptions(limits: ConnectionLimits) {
  return {
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    // No limit on silence as such: each phase has its own, and a render may well take longer than any of them.
    connectionTimeout: 0,
    // No proxy is believed: nothing here depends on the client's address, and X-Forwarded-Host must not reach a URL.
    trustProxy: false,
    http: {
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersTimeoutMs,
      connectionsCheckingInterval: limits.checkEveryMs,
      // Whatever NODE_OPTIONS says: leniency is what request smuggling is made of.
      insecureHTTPParser: false,
      // Checked below, because Node's own answer has none of the safe headers.
      requireHostHeader: false,
    },
    clientErrorHandler: answerProtocolError,
  };
}

/** The limits that neither Fastify nor Node knows, as hooks before all others. */
export function guardConnections(app: FastifyInstance, limits: ConnectionLimits): void {
  const { server } = app;
  server.maxConnections = limits.maxConnections;
  server.maxHeadersCount = limits.maxHeaders + 1;
  server.on('connect', refuseTunnel);
  // Answered below in our own form.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));

  limitRequests(app, server, limits);

  app.addHook('onRequest', (request, reply, done) => {
    const refusal = refusalOf(request.raw, limits.maxHeaders);
    if (refusal) reply.header('connection', 'close');
    else if (hasBody(request.raw) && !request.routeOptions.config.slowBody) limitBody(request, limits.bodyTimeoutMs);
    done(refusal);
  });
  app.addHook('onSend', ({ raw: { socket } }, reply, payload, done) => {
    const timer = setTimeout(() => socket.destroy(), limits.sendTimeoutMs).unref();
    reply.raw.once('close', () => clearTimeout(timer));
    done(null, payload);
  });
}

/** The last request that began on each connection. */
const latest = new WeakMap<Socket, IncomingMessage>();

/** In front of Fastify's own listener, because a hook comes only once all that one read brought has begun. */
function limitRequests(
  app: FastifyInstance,
  server: Server,
  { maxPipelined, maxRequestsPerSocket }: ConnectionLimits,
): void {
  const [dispatch] = server.listeners('request') as RequestListener[];
  if (!dispatch) throw new Error('Fastify does not listen to its server');
  const counts = new Map<Socket, { underWay: number; begun: number }>();
  let closing = false;
  server.on('connection', (socket: Socket) => {
    if (closing) return void socket.destroy();
    counts.set(socket, { underWay: 0, begun: 0 });
    socket.once('close', () => counts.delete(socket));
  });
  // Node closes idle connections, but waits without end for those that never said anything or stopped within a header.
  app.addHook('preClose', async () => {
    closing = true;
    for (const [socket, { underWay }] of counts) if (underWay === 0) socket.destroy();
  });
  server.removeListener('request', dispatch);
  server.on('request', (request, response) => {
    const { socket } = request;
    const count = counts.get(socket);
    if (!count) return dispatch.call(server, request, response);
    latest.set(socket, request);
    count.begun += 1;
    // The connection ends with the answer before. Node's own limit sends a bare 503 after that one.
    if (count.begun > maxRequestsPerSocket) return;
    if (count.begun === maxRequestsPerSocket) response.setHeader('connection', 'close');
    count.underWay += 1;
    if (count.underWay > maxPipelined) return void socket.destroy();
    response.once('close', () => (count.underWay -= 1));
    dispatch.call(server, request, response);
  });
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether a body may take as long as the whole request. */
    slowBody?: boolean;
  }
}

/** What the parser lets through and we do not. RFC 9112: 2.3 (version), 3.2 (Host); RFC 9110, 9.3.1 (a body on GET). */
function refusalOf(request: IncomingMessage, maxHeaders: number) {
  const { rawHeaders, headers, httpVersion, method } = request;
  if (rawHeaders.length > maxHeaders * 2) return errors.refusedRequest('There are too many headers.', 431);
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return errors.refusedRequest('This server speaks HTTP/1.1.', 505);
  const hosts = rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'host').length;
  if (hosts > 1 || (hosts === 0 && httpVersion === '1.1')) return errors.refusedRequest('One Host header is needed.');
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue')
    return errors.refusedRequest('What this request expects is not offered.', 417);
  // RFC 9112, 6.1: Node's parser says the same, but only after the headers have become a request.
  if (!['', 'chunked'].includes(headers['transfer-encoding']?.trim().toLowerCase() ?? ''))
    return errors.refusedRequest('Bodies come by their length or in chunks.');
  if ((method === 'GET' || method === 'HEAD') && hasBody(request))
    return errors.refusedRequest('A request that reads has no body.');
  return undefined;
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function limitBody({ raw }: FastifyRequest, timeoutMs: number): void {
  const timer = setTimeout(() => {
    if (!raw.complete) refuse(raw.socket, 408);
  }, timeoutMs).unref();
  raw.once('close', () => clearTimeout(timer));
}

/** What is no HTTP, or too much or too slow of it, never becomes a request; its connection is told why and closed. */
function answerProtocolError(error: NodeJS.ErrnoException, socket: Socket): void {
  refuse(socket, PROTOCOL_STATUS[error.code ?? ''] ?? 400);
}

const PROTOCOL_STATUS: Readonly<Record<string, number>> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };

/** CONNECT (RFC 9110, 9.3.6); by itself Node would close without a word. */
function refuseTunnel(_request: IncomingMessage, socket: Socket): void {
  // Node has let go of this socket, errors included.
  socket.on('error', () => socket.destroy());
  refuse(socket, 405, { allow: 'GET, HEAD' });
}

function refuse(socket: Socket, status: number, more: Record<string, string> = {}): void {
  // Who never said anything is told nothing: thousands of such connections end at once.
  if (socket.destroyed || !socket.writable || socket.bytesRead === 0 || owesAnother(socket)) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify({ error: 'bad_request', message: 'This is not an HTTP request that can be read.' });
  const headers = {
    ...SAFE_HEADERS,
    ...more,
    'x-error': 'bad_request',
    'cache-control': 'no-store',
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  };
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head.join('')}\r\n${body}`);
}

/**
 * Whether the client would take a refusal for the answer to another request: an earlier one still waits for its own, or
 * the one that is refused has been answered before its end. Node's own handler looks at the same field.
 */
function owesAnother(socket: Socket & { _httpMessage?: ServerResponse | null }): boolean {
  const current = socket._httpMessage;
  if (current) return current.req.complete || current.headersSent;
  return latest.get(socket)?.complete === false;
}
