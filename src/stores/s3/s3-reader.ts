import { isIP } from 'node:net';
import type { Agent, Dispatcher } from 'undici';
import { errors } from '../../errors.ts';
import { isStaleSocket, openPools } from '../shared/pools.ts';
import { createRetries, Unanswered } from '../shared/retry.ts';
import { type Collected, collectBody } from '../shared/time-limit.ts';
import type { BodyLimits, StoredObject } from '../store.ts';
import { type Credentials, createGetSigner, encodeS3Key } from './sigv4.ts';

export interface S3ReaderOptions {
  readonly bucket: string;
  readonly region: string;
  readonly endpoint: string | undefined;
  readonly pathStyle: boolean;
  /** See `S3Environment`. */
  readonly endpointElsewhere?: boolean;
  readonly timeoutMs: number;
  readonly maxSockets?: number;
  /** Called before every request; the SDK keeps and renews temporary credentials. */
  credentials(): Promise<Credentials>;
}

export interface S3Reader {
  /** `key`: with the store's prefix. Undefined when the key does not exist. Ends when `limit` aborts. */
  get(key: string, limits: BodyLimits, limit: AbortSignal): Promise<StoredObject | undefined>;
  /** Opens a connection and waits until it can be used. Never throws. */
  connect(): Promise<void>;
  close(): Promise<void>;
}

/** Shorter than S3 keeps an idle connection, so that this side closes it first. */
const KEEP_ALIVE_MS = 15_000;
/** Statuses that say nothing about the object. */
const STUMBLES = new Set([429, 500, 502, 503, 504]);
const MAX_ERROR_BYTES = 64 * 1024;
const METADATA = 'x-amz-meta-';

/**
 * GETs signed and sent without the SDK, which costs 1 ms more of CPU for each and 100 ms of a cold start. Undefined for
 * buckets whose host only the SDK can find.
 */
export function createS3Reader(options: S3ReaderOptions): S3Reader | undefined {
  const base = bucketUrl(options);
  if (!base) return undefined;
  const { timeoutMs } = options;
  const { host, origin, path: prefix } = base;
  const sign = createGetSigner(options);
  const retries = createRetries();
  /** Milliseconds by which the server's clock is ahead; corrected when the server answers RequestTimeTooSkewed. */
  let clockOffset = 0;
  let connecting: ReturnType<typeof openPools> | undefined;
  const connected = () => {
    connecting ??= openPools({ timeoutMs, connections: options.maxSockets, keepAliveTimeout: KEEP_ALIVE_MS });
    return connecting;
  };

  async function ask(key: string, limits: BodyLimits, limit: AbortSignal): Promise<Reply> {
    const pools = await connected();
    const path = `${prefix}/${encodeS3Key(key)}`;
    const credentials = await options.credentials();
    return retries.send(pools, {
      limit,
      send(agent) {
        const at = new Date(Date.now() + clockOffset);
        const headers = sign({ host, path, headers: UNENCODED }, credentials, at);
        return exchange(agent, { origin, path, method: 'GET', headers }, limits, limit);
      },
      again({ status, code, headers }) {
        if (STUMBLES.has(status)) return 'after a pause';
        if (code !== 'RequestTimeTooSkewed') return undefined;
        clockOffset = Date.parse(headers.date ?? '') - Date.now() || 0;
        return 'at once';
      },
    });
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
      const request = { origin, path: `${prefix}/${NOTHING}`, method: 'GET', headers: UNENCODED } as const;
      try {
        const { pool } = await connected();
        // Unsigned: the connection is kept whatever the answer is, and no credentials are waited for.
        await exchange(pool, request, { maxBytes: 0 }, AbortSignal.timeout(timeoutMs));
      } catch {
        // The first call reports the failure.
      }
    },
    async close() {
      await (await connecting?.catch(() => undefined))?.destroy();
    },
  };
}

/** A key without an object. */
const NOTHING = '.connect';
const UNENCODED = { 'accept-encoding': 'identity', 'user-agent': 'darkroom' };

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** S3's error code: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
  readonly code: string | undefined;
  readonly body: Buffer;
}

/** Sends one request. Chunks are copied straight into the body: a stream in between costs more CPU than the signature. */
function exchange(
  agent: Agent,
  request: Dispatcher.DispatchOptions,
  limits: BodyLimits,
  limit: AbortSignal,
): Promise<Reply> {
  const reply = Promise.withResolvers<Reply>();
  let controller: Dispatcher.DispatchController | undefined;
  let status = 0;
  let headers: Reply['headers'] = {};
  let collected: Collected | undefined;
  const stop = (reason: unknown) => {
    reply.reject(reason);
    // Closes the socket, on which the rest of this answer would precede the next one.
    controller?.abort(reason instanceof Error ? reason : new Error('aborted'));
  };
  const onAbort = () => stop(limit.reason);
  limit.addEventListener('abort', onAbort, { once: true });

  function begin(): Collected {
    if (status !== 200) return collectBody(undefined, { maxBytes: MAX_ERROR_BYTES });
    const { 'content-encoding': encoding, 'content-length': announced } = headers;
    assertUnencoded(encoding);
    return collectBody(announced === undefined ? undefined : Number(announced), limits);
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
        collected = begin();
      } catch (error) {
        stop(error);
      }
    },
    onResponseData(_controller, chunk) {
      try {
        collected?.add(chunk);
      } catch (error) {
        // A body over the limit is the object's fault, an error page over the limit the store's.
        stop(status === 200 ? error : errors.storeFailed(new Error(`S3 answered ${status} at great length`)));
      }
    },
    onResponseEnd() {
      try {
        const body = collected?.end() ?? Buffer.alloc(0);
        const code = status === 200 ? undefined : /<Code>(\w+)<\/Code>/.exec(body.toString('latin1'))?.[1];
        reply.resolve({ status, headers, code, body });
      } catch (error) {
        reply.reject(error);
      }
    },
    onResponseError(_controller, error) {
      const unanswered = status === 0 && isStaleSocket(error);
      reply.reject(unanswered ? new Unanswered(error.message, { cause: error }) : error);
    },
  });
  return reply.promise.finally(() => limit.removeEventListener('abort', onAbort));
}

/** Throws `store_failed` for an encoded body. `aws-chunked` is left from the upload and says nothing about the answer. */
export function assertUnencoded(encoding = ''): void {
  if (!['', 'identity', 'aws-chunked'].includes(encoding))
    throw errors.storeFailed(new Error(`encoded as ${encoding}`));
}

/** The first value of each header. */
function single(headers: Record<string, string | string[] | undefined>): Reply['headers'] {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat()[0]]));
}

/** Bucket names that fit a host name under AWS's wildcard certificates: no dots. */
const HOST_BUCKET = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;
const PATH_BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/;
/** Regions whose host names end in amazonaws.com (China and other partitions differ). */
const COMMERCIAL_REGION = /^(af|ap|ca|eu|il|me|mx|sa|us)-[a-z]+-\d$/;

/**
 * The URL of a bucket, equal to the SDK's; undefined for ARNs, directory buckets, other partitions and unknown endpoints.
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
