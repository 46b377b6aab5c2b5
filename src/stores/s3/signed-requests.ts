import type { Agent, Dispatcher } from 'undici';
import { errors } from '../../errors.ts';
import { isStaleSocket, openPools } from '../shared/pools.ts';
import { createRetries, Unanswered } from '../shared/retry.ts';
import { type Collected, collectBody } from '../shared/time-limit.ts';
import type { BodyLimits } from '../store.ts';
import { type BucketLocation, bucketUrl } from './bucket-url.ts';
import type { S3Reply, S3Requests } from './requests.ts';
import { type Credentials, createSigner, encodeS3Key, sha256Hex } from './sigv4.ts';

export interface SignedRequestsOptions extends BucketLocation {
  /** Limit of one call in milliseconds; a call's own signal ends it earlier. */
  readonly timeoutMs: number;
  readonly maxSockets?: number;
  /** Called before every request; the SDK keeps and renews temporary credentials. */
  credentials(): Promise<Credentials>;
}

/** Shorter than S3 keeps an idle connection, so that this side closes it first. */
const KEEP_ALIVE_MS = 15_000;
/** Statuses that say nothing about the object. */
const STUMBLES = new Set([429, 500, 502, 503, 504]);
/** A conditional write that lost a race is 500 to Ceph RGW; to send it again only costs time. */
const STUMBLES_OF_CONDITIONS = new Set([429, 502, 503, 504]);
const MAX_ERROR_BYTES = 64 * 1024;

/**
 * Requests signed and sent without the SDK, which costs 1 ms more of CPU for each and 100 ms of a cold start. Undefined for
 * buckets whose host only the SDK can find.
 */
export function createSignedRequests(options: SignedRequestsOptions): S3Requests | undefined {
  const base = bucketUrl(options);
  if (!base) return undefined;
  const { timeoutMs } = options;
  const { host, origin, path: prefix } = base;
  const sign = createSigner(options);
  const retries = createRetries();
  /** Milliseconds by which the server's clock is ahead; corrected when the server answers RequestTimeTooSkewed. */
  let clockOffset = 0;
  let connecting: ReturnType<typeof openPools> | undefined;
  const connected = () => {
    connecting ??= openPools({ timeoutMs, connections: options.maxSockets, keepAliveTimeout: KEEP_ALIVE_MS });
    return connecting;
  };

  return {
    async send({ method, key, headers: more, body, limits = NO_BODY }, limit) {
      retries.earn();
      const pools = await connected();
      const path = `${prefix}/${encodeS3Key(key)}`;
      const credentials = await options.credentials();
      const unsigned = {
        method,
        host,
        path,
        headers: { ...UNENCODED, ...more },
        ...(body && { sha256: sha256Hex(body) }),
      };
      const stumbles =
        method === 'PUT' && (more?.['if-match'] ?? more?.['if-none-match']) ? STUMBLES_OF_CONDITIONS : STUMBLES;
      let sends = 0;
      const reply = await retries.send<Exchanged>(pools, {
        limit,
        send(agent) {
          sends += 1;
          const headers = sign(unsigned, credentials, new Date(Date.now() + clockOffset));
          return exchange(agent, { origin, path, method, headers, ...(body && { body }) }, limits, limit);
        },
        again({ status, code, headers }) {
          if (stumbles.has(status)) return 'after a pause';
          if (code !== 'RequestTimeTooSkewed') return undefined;
          clockOffset = Date.parse(headers.date ?? '') - Date.now() || 0;
          return 'at once';
        },
      });
      return { ...reply, sends };
    },
    async connect() {
      const request = { origin, path: `${prefix}/${NOTHING}`, method: 'GET', headers: UNENCODED } as const;
      try {
        const { pool } = await connected();
        // Unsigned: the connection is kept whatever the answer is, and no credentials are waited for.
        await exchange(pool, request, NO_BODY, AbortSignal.timeout(timeoutMs));
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
const NO_BODY: BodyLimits = { maxBytes: 0 };

type Exchanged = Omit<S3Reply, 'sends'>;

/** Sends one request. Chunks are copied straight into the body: a stream in between costs more CPU than the signature. */
function exchange(
  agent: Agent,
  request: Dispatcher.DispatchOptions,
  limits: BodyLimits,
  limit: AbortSignal,
): Promise<Exchanged> {
  const reply = Promise.withResolvers<Exchanged>();
  let controller: Dispatcher.DispatchController | undefined;
  let status = 0;
  let headers: S3Reply['headers'] = {};
  let collected: Collected | undefined;
  const isObject = () => status === 200 && request.method === 'GET';
  const stop = (reason: unknown) => {
    reply.reject(reason);
    // Closes the socket, on which the rest of this answer would precede the next one.
    controller?.abort(reason instanceof Error ? reason : new Error('aborted'));
  };
  const onAbort = () => stop(limit.reason);
  limit.addEventListener('abort', onAbort, { once: true });

  function begin(): Collected {
    if (!isObject()) return collectBody(undefined, { maxBytes: MAX_ERROR_BYTES });
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
        stop(isObject() ? error : errors.storeFailed(new Error(`S3 answered ${status} at great length`)));
      }
    },
    onResponseEnd() {
      try {
        const body = collected?.end() ?? Buffer.alloc(0);
        const code = status < 300 ? undefined : /<Code>(\w+)<\/Code>/.exec(body.toString('latin1'))?.[1];
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
function single(headers: Record<string, string | string[] | undefined>): S3Reply['headers'] {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat()[0]]));
}
