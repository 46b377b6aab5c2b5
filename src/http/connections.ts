import { type IncomingMessage, type RequestListener, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { errors } from '../errors.ts';

/** On every answer, pictures and errors alike: none is to be taken for a page, a script or a frame. */
export const SAFE_HEADERS = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; sandbox",
  'cross-origin-resource-policy': 'cross-origin',
  'access-control-allow-origin': '*',
  'timing-allow-origin': '*',
} as const;

/** Limits of one connection, and of all. Milliseconds, bytes, counts. */
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

/** For connections of CDNs: few, long-lived, and quick to send their headers. */
export const CONNECTION_LIMITS: ConnectionLimits = {
  // From the connect, or from the first byte of a later request, to the end of its headers.
  headersTimeoutMs: 10_000,
  // JSON of 64 KiB at most, from the shop's own servers.
  bodyTimeoutMs: 10_000,
  // The one slow body is an upload to a folder: 5 MB from a phone at 0.7 Mbit/s.
  requestTimeoutMs: 60_000,
  // Node checks the two timeouts above at this interval (30 s by default), so they end between 10 and 15, 60 and 65 s.
  checkEveryMs: 5_000,
  // For one answer, from its first byte to its last: a reader of 1 KB/s holds no rendition for hours.
  sendTimeoutMs: 60_000,
  // Longer than the 60 s that most proxies keep an idle connection, so that they close first and never hit a dead one.
  keepAliveTimeoutMs: 72_000,
  // A path of 512 id bytes takes 1.6 KB at most; Node answers 431 to more than this.
  maxHeaderBytes: 16_384,
  // CDNs send some thirty. Node's parser drops the excess silently, so the hook below counts and refuses.
  maxHeaders: 100,
  // Requests under way on one connection. No CDN or browser sends a second before the first is answered, and Node begins
  // all requests of one read at once: 10,000 in 600 KB blocked all other connections for seconds.
  maxPipelined: 100,
  // Long-lived connections end now and then, so that machines that were added get their share.
  maxRequestsPerSocket: 10_000,
  // An upper bound; machines with little memory get fewer (connectionsWithin).
  maxConnections: 16_384,
};

const IDLE_CONNECTION_BYTES = 10 * 1024;
const CONNECTIONS_SHARE = 1 / 16;

/** Connections that a machine of this memory can hold, at the measured 10 KiB of an idle one. */
export function connectionsWithin(memoryBytes: number): number {
  const affordable = Math.floor((memoryBytes * CONNECTIONS_SHARE) / IDLE_CONNECTION_BYTES);
  return Math.min(CONNECTION_LIMITS.maxConnections, affordable);
}

/** The limits as Fastify and Node take them. */
export function serverOptions(limits: ConnectionLimits) {
  return {
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    // Each phase has a limit of its own, and a render may take longer than any of them.
    connectionTimeout: 0,
    // The client's address is not used, and X-Forwarded-Host must not reach a URL.
    trustProxy: false,
    http: {
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersTimeoutMs,
      connectionsCheckingInterval: limits.checkEveryMs,
      // Overrides NODE_OPTIONS: a lenient parser permits request smuggling.
      insecureHTTPParser: false,
      // Checked below, because Node's own answer has none of the safe headers.
      requireHostHeader: false,
    },
    clientErrorHandler: answerProtocolError,
  };
}

/** The limits that neither Fastify nor Node has, as hooks before all others. */
export function guardConnections(app: FastifyInstance, limits: ConnectionLimits): void {
  const { server } = app;
  server.maxConnections = limits.maxConnections;
  server.maxHeadersCount = limits.maxHeaders + 1;
  server.on('connect', refuseTunnel);
  // Answered by refusalOf, with the safe headers.
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

/** The most recent request of each connection. */
const latest = new WeakMap<Socket, IncomingMessage>();

/** In front of Fastify's own listener, because hooks run only after all requests of one read have begun. */
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
  // Node closes idle connections, but waits without end for those that sent nothing or stopped within a header.
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
    // The connection ends with the previous answer. Node's own limit would send a bare 503 after it.
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
    /** Whether the body may take as long as the whole request. */
    slowBody?: boolean;
  }
}

/** Refuses what the parser accepts. RFC 9112: 2.3 (version), 3.2 (Host); RFC 9110, 9.3.1 (a body on GET). */
function refusalOf(request: IncomingMessage, maxHeaders: number) {
  const { rawHeaders, headers, httpVersion, method } = request;
  if (rawHeaders.length > maxHeaders * 2) return errors.refusedRequest('There are too many headers.', 431);
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return errors.refusedRequest('This server speaks HTTP/1.1.', 505);
  const hosts = rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'host').length;
  if (hosts > 1 || (hosts === 0 && httpVersion === '1.1')) return errors.refusedRequest('One Host header is needed.');
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue')
    return errors.refusedRequest('What this request expects is not offered.', 417);
  // RFC 9112, 6.1: Node's parser refuses it too, but only after the request has been dispatched.
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

/** Bytes that are no HTTP, too large or too slow never become a request: the connection gets one answer and is closed. */
function answerProtocolError(error: NodeJS.ErrnoException, socket: Socket): void {
  refuse(socket, PROTOCOL_STATUS[error.code ?? ''] ?? 400);
}

const PROTOCOL_STATUS: Readonly<Record<string, number>> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };

/** CONNECT (RFC 9110, 9.3.6); by itself Node would close without a word. */
function refuseTunnel(_request: IncomingMessage, socket: Socket): void {
  // Node no longer handles this socket, errors included.
  socket.on('error', () => socket.destroy());
  refuse(socket, 405, { allow: 'GET, HEAD' });
}

function refuse(socket: Socket, status: number, more: Record<string, string> = {}): void {
  // A connection that sent nothing gets no answer: thousands of them may end at once.
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
 * Whether the client would take a refusal for the answer to another request: an earlier one is unanswered, or the refused
 * one was answered before its end. Node's own handler reads the same field.
 */
function owesAnother(socket: Socket & { _httpMessage?: ServerResponse | null }): boolean {
  const current = socket._httpMessage;
  if (current) return current.req.complete || current.headersSent;
  return latest.get(socket)?.complete === false;
}
