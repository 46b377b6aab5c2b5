import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Agent, Dispatcher } from 'undici';
import { errors } from '../errors.ts';
import { createRetryBudget } from './retry-budget.ts';
import { type Credentials, createGetSigner, encodeS3Key } from './sigv4.ts';
import type { BodyLimits, StoredObject } from './store.ts';
import { tooLarge } from './time-limit.ts';

export interface S3ReaderOptions {
  readonly bucket: string;
  readonly region: string;
  readonly endpoint: string | undefined;
  readonly pathStyle: boolean;
  /** What only the SDK reads may name another endpoint than AWS's own. */
  readonly endpointElsewhere?: boolean;
  readonly timeoutMs: number;
  readonly maxSockets?: number;
  /** Asked before every request. */
  credentials(): Promise<Credentials>;
}

export interface S3Reader {
  /** `key`: with its prefix. Ends when `limit` aborts. */
  get(key: string, limits: BodyLimits, limit: AbortSignal): Promise<StoredObject | undefined>;
  /** Opens a connection. Never throws. */
  connect(): Promise<void>;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 1000;
/** Less than what S3 allows, so that it is we who close. */
const KEEP_ALIVE_MS = 15_000;
/** undici's timers over a second run on a coarse clock; the caller's limit speaks first. */
const BACKSTOP_MS = 1000;
const STUMBLES = new Set([429, 500, 502, 503, 504]);
const RETRY_PAUSE_MS = 100;
/** How a socket dies that the other side closed while it was idle. */
const STALE_SOCKET = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);
const MAX_ERROR_BYTES = 64 * 1024;
const METADATA = 'x-amz-meta-';

/**
 * GETs that are signed and sent without the SDK, which takes a millisecond of CPU more for each and 100 of every cold start.
 * Undefined for buckets of which only the SDK knows where they are.
 */
export function createS3Reader(options: S3ReaderOptions): S3Reader | undefined {
  const base = bucketUrl(options);
  if (!base) return undefined;
  const sign = createGetSigner(options);
  const retries = createRetryBudget();
  /** Milliseconds by which the server's clock is ahead, once it complained. */
  let clockOffset = 0;
  let connecting: ReturnType<typeof connect> | undefined;

  async function ask(key: string, limits: BodyLimits, limit: AbortSignal): Promise<Reply> {
    connecting ??= connect(options);
    const { pool, fresh } = await connecting;
    const path = `${base?.path}/${encodeS3Key(key)}`;
    const credentials = await options.credentials();
    const send = (agent: Agent) => {
      const at = new Date(Date.now() + clockOffset);
      const headers = sign({ host: base?.host ?? '', path, headers: UNENCODED }, credentials, at);
      return exchange(agent, { origin: base?.origin ?? '', path, method: 'GET', headers }, limits, limit);
    };
    const first = await send(pool).catch((error) => {
      // Not from the pool again: after a suspended machine wakes up, all its sockets may be dead.
      if (!(error instanceof Unanswered) || limit.aborted || !retries.take()) throw error;
      return send(fresh);
    });
    if (first.code === 'RequestTimeTooSkewed' && retries.take()) {
      clockOffset = Date.parse(first.headers.date ?? '') - Date.now() || 0;
      return send(pool);
    }
    // They say nothing about the object.
    if (!STUMBLES.has(first.status) || !retries.take()) return first;
    await delay(RETRY_PAUSE_MS * (0.5 + Math.random()), undefined, { signal: limit });
    return send(pool);
  }

  return {
    async get(key, limits, limit) {
      retries.earn();
      const { status, headers, code, body } = await ask(key, limits, limit);
      if (status === 404 && code === 'NoSuchKey') return undefined;
      if (status !== 200) throw errors.storeFailed(new Error(`S3 answered ${status} ${code ?? ''}`));
      const metadata = Object.entries(headers).filter(([name]) => name.startsWith(METADATA));
      return {
        body,
        contentType: headers['content-type'],
        cacheControl: headers['cache-control'],
        metadata: Object.fromEntries(metadata.map(([name, value = '']) => [name.slice(METADATA.length), value])),
      };
    },
    async connect() {
      connecting ??= connect(options);
      const request = {
        origin: base.origin,
        path: `${base.path}/${NOTHING}`,
        method: 'GET',
        headers: UNENCODED,
      } as const;
      try {
        const { pool } = await connecting;
        // Nobody is asked who we are: whatever the answer, its connection stays.
        await exchange(pool, request, { maxBytes: 0 }, AbortSignal.timeout(options.timeoutMs));
      } catch {
        // The first call says what is wrong.
      }
    },
    async close() {
      const connected = await connecting?.catch(() => undefined);
      await Promise.all([connected?.pool.destroy(), connected?.fresh.destroy()]);
    },
  };
}

/** A key that nobody has; asked for without a signature. */
const NOTHING = '.connect';
const UNENCODED = { 'accept-encoding': 'identity', 'user-agent': 'darkroom' };

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** S3's own word for an error: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
  readonly code: string | undefined;
  readonly body: Buffer;
}

/** The connection died before a byte of the answer: RFC 9110, 9.2.2 lets a GET be repeated then. */
class Unanswered extends Error {}

/** One request. Its body is copied to where it belongs as it comes: a stream between would cost more than the signature. */
function exchange(
  agent: Agent,
  request: Dispatcher.DispatchOptions,
  limits: BodyLimits,
  limit: AbortSignal,
): Promise<Reply> {
  const { maxBytes, onLength, allocate = Buffer.allocUnsafeSlow } = limits;
  const reply = Promise.withResolvers<Reply>();
  let controller: Dispatcher.DispatchController | undefined;
  let status = 0;
  let headers: Reply['headers'] = {};
  /** Of a known length. */
  let whole: Buffer | undefined;
  const chunks: Buffer[] = [];
  let length = 0;
  const stop = (reason: unknown) => {
    reply.reject(reason);
    // Its socket is of no more use: what is left of this answer would come before the next one.
    controller?.abort(reason instanceof Error ? reason : new Error('aborted'));
  };
  const onAbort = () => stop(limit.reason);
  limit.addEventListener('abort', onAbort, { once: true });

  function begin(): void {
    const { 'content-encoding': encoding = '', 'content-length': announced } = headers;
    if (!['', 'identity', 'aws-chunked'].includes(encoding))
      throw errors.storeFailed(new Error(`encoded as ${encoding}`));
    if (announced === undefined) return;
    if (Number(announced) > maxBytes) throw tooLarge(maxBytes);
    onLength?.(Number(announced));
    whole = allocate(Number(announced));
  }

  function take(chunk: Buffer): void {
    length += chunk.length;
    if (length > (status === 200 ? maxBytes : MAX_ERROR_BYTES)) throw tooLarge(maxBytes);
    if (whole) chunk.copy(whole, length - chunk.length);
    // Its memory may be used again for the next one.
    else chunks.push(Buffer.from(chunk));
  }

  agent.dispatch(request, {
    onRequestStart(started) {
      controller = started;
      if (limit.aborted) stop(limit.reason);
    },
    onResponseStart(_controller, code, received) {
      if (code < 200) return;
      status = code;
      headers = single(received);
      try {
        if (status === 200) begin();
      } catch (error) {
        stop(error);
      }
    },
    onResponseData(_controller, chunk) {
      try {
        take(chunk);
      } catch (error) {
        stop(error);
      }
    },
    onResponseEnd() {
      if (whole && length !== whole.length)
        return reply.reject(errors.storeFailed(new Error(`${length} bytes came of ${whole.length} announced`)));
      const body = whole ?? Buffer.concat(chunks, length);
      const code = status === 200 ? undefined : /<Code>(\w+)<\/Code>/.exec(body.toString('latin1'))?.[1];
      reply.resolve({ status, headers, code, body });
    },
    onResponseError(_controller, error) {
      const stale = status === 0 && STALE_SOCKET.has((error as NodeJS.ErrnoException).code ?? '');
      reply.reject(stale ? new Unanswered(error.message, { cause: error }) : error);
    },
  });
  return reply.promise.finally(() => limit.removeEventListener('abort', onAbort));
}

/** A header that comes twice is the first one. */
function single(headers: Record<string, string | string[] | undefined>): Reply['headers'] {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat()[0]]));
}

/** Buckets that may be part of a host name under a certificate of AWS: no dots. */
const HOST_BUCKET = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;
const PATH_BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/;
/** Regions whose host names end in amazonaws.com. */
const COMMERCIAL_REGION = /^(af|ap|ca|eu|il|me|mx|sa|us)-[a-z]+-\d$/;
/**
 * Where a bucket is, as the SDK would say it; undefined for those of other kinds (ARNs, directory buckets) and places.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
 */
export function bucketUrl(
  options: Omit<S3ReaderOptions, 'credentials' | 'timeoutMs'>,
): { readonly origin: string; readonly host: string; readonly path: string } | undefined {
  const { bucket, region, endpoint, pathStyle, endpointElsewhere = false } = options;
  if (!PATH_BUCKET.test(bucket) || bucket.endsWith('--x-s3') || bucket.endsWith('-s3alias')) return undefined;
  const amazon = endpoint === undefined;
  if (amazon && (endpointElsewhere || !COMMERCIAL_REGION.test(region))) return undefined;
  const url = new URL(endpoint ?? `https://s3.${region}.amazonaws.com`);
  if (!amazon && /\.amazonaws\./.test(url.hostname)) return undefined;
  if (url.username || url.search) return undefined;
  const inPath = pathStyle || !HOST_BUCKET.test(bucket) || isIP(url.hostname.replace(/^\[|\]$/g, '')) !== 0;
  if (!inPath) url.hostname = `${bucket}.${url.hostname}`;
  const path = url.pathname.replace(/\/$/, '');
  return { origin: url.origin, host: url.host, path: inPath ? `${path}/${bucket}` : path };
}

async function connect({ timeoutMs, maxSockets = 50 }: S3ReaderOptions) {
  const { Agent } = await import('undici');
  const settings = {
    ...{ connections: maxSockets, keepAliveTimeout: KEEP_ALIVE_MS, allowH2: false },
    ...{ headersTimeout: timeoutMs + BACKSTOP_MS, bodyTimeout: timeoutMs + BACKSTOP_MS },
    connect: { timeout: Math.min(CONNECT_TIMEOUT_MS, timeoutMs) },
  };
  // Pipelining 0 means no keep-alive: every request opens its own socket.
  return { pool: new Agent({ ...settings, pipelining: 1 }), fresh: new Agent({ ...settings, pipelining: 0 }) };
}
