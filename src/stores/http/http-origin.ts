import { randomUUID } from 'node:crypto';
import { isIP } from 'node:net';
import type { Agent, Dispatcher } from 'undici';
import { errors } from '../../errors.ts';
import { CHECK_FOLDER, checked } from '../shared/check.ts';
import { isStaleSocket, openPools } from '../shared/pools.ts';
import { createRetries, Unanswered } from '../shared/retry.ts';
import { bounded, readBody } from '../shared/time-limit.ts';
import { REFUSALS, text, versionOf, versionOfHead } from '../shared/version.ts';
import type { BodyLimits, ObjectReader, StoredObject } from '../store.ts';
import { AddressRefused, createGuardedLookup, isPublicAddress, type Resolver } from './address-guard.ts';

export interface HttpOriginOptions {
  /** Keys are resolved below this URL, which has neither query nor fragment. */
  readonly baseUrl: string;
  /** Limit of one call in milliseconds, retries, redirects and body included. */
  readonly timeoutMs: number;
  /** Allows `http:` and private, loopback or link-local addresses. */
  readonly allowPrivate: boolean;
  /** Sockets kept for each host, and as many again for retries. Default: 50. */
  readonly maxConnections?: number;
  /** Resolves host names. Default: `dns.lookup`. */
  readonly resolveName?: Resolver;
}

const MAX_REDIRECTS = 3;
/** Up to this, an error page is read to its end, because a new TLS connection costs more. */
const MAX_DRAINED_BYTES = 16 * 1024;
/** Statuses that say nothing about the object. */
const STUMBLES = new Set([500, 502, 503]);
const ABSENT = new Set([404, 410]);
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

type Method = 'GET' | 'HEAD';
type Answer = Dispatcher.ResponseData;

/**
 * Originals behind HTTP(S). Redirects, addresses and lengths are checked; the content type is passed on as a claim of the
 * origin. Throws TypeError for a base URL with query or fragment.
 */
export function createHttpOrigin(options: HttpOriginOptions): ObjectReader {
  const { timeoutMs, allowPrivate } = options;
  const base = new URL(options.baseUrl);
  // Resolving a key would drop the query silently.
  if (base.search || base.hash) throw new TypeError('the base URL of an origin has neither query nor fragment');
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  const retries = createRetries();
  let connecting: ReturnType<typeof openPools> | undefined;
  let closed = false;

  /** Throws for a URL that must not be connected to. Addresses of names are checked when they are resolved. */
  function assertAllowed(url: URL): void {
    const refuse = (why: string) => {
      throw new Error(`an origin or redirect is refused: ${why}`);
    };
    if (url.protocol !== 'https:' && !(allowPrivate && url.protocol === 'http:')) refuse('it is not https');
    if (url.username || url.password) refuse('it carries credentials');
    if (allowPrivate) return;
    if (url.port !== '' && url.port !== base.port) refuse('it names another port');
    // Sockets do not look up literal addresses. URL has normalised decimal, hex and octal spellings.
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) && !isPublicAddress(host)) throw new AddressRefused(host);
  }

  async function ask(method: Method, url: URL, limit: AbortSignal): Promise<Answer> {
    if (closed) throw new Error('this origin is closed');
    connecting ??= openPools({
      timeoutMs,
      connections: options.maxConnections,
      lookup: allowPrivate ? undefined : createGuardedLookup(options),
    });
    const pools = await connecting;

    async function send(agent: Agent): Promise<Answer> {
      let answered = false;
      const noticing = agent.compose((dispatch) => (sent, handler) => {
        // Called at the first byte: https://undici.nodejs.org/#/docs/api/Dispatcher?id=parameter-dispatchhandler
        handler.onResponseStarted = () => {
          answered = true;
        };
        return dispatch(sent, handler);
      });
      const headers = { 'accept-encoding': 'identity', 'user-agent': 'darkroom' };
      return pools.request(url, { method, dispatcher: noticing, signal: limit, headers }).catch((cause) => {
        throw !answered && isStaleSocket(cause) ? new Unanswered(cause.message, { cause }) : cause;
      });
    }

    return retries.send(pools, {
      ...{ send, drop: release, limit },
      again: ({ statusCode }) => (STUMBLES.has(statusCode) ? 'after a pause' : undefined),
    });
  }

  /** Follows redirects to the last answer, which the caller releases. */
  async function follow(method: Method, start: URL, limit: AbortSignal): Promise<Answer> {
    let url = start;
    for (let redirects = 0; ; redirects += 1) {
      assertAllowed(url);
      const answer = await ask(method, url, limit);
      if (!REDIRECTS.has(answer.statusCode)) return answer;
      release(answer);
      const { location } = answer.headers;
      if (redirects === MAX_REDIRECTS) throw new Error(`the origin redirects more than ${MAX_REDIRECTS} times`);
      if (typeof location !== 'string' || !URL.canParse(location, url.href))
        throw new Error('the origin redirects nowhere');
      const target = new URL(location, url);
      if (url.protocol === 'https:' && target.protocol === 'http:')
        throw new Error('the origin redirects away from https');
      url = target;
    }
  }

  return {
    async get(key, { signal, ...limits }) {
      signal.throwIfAborted();
      const path = encodeKey(key);
      if (path === undefined) return undefined;
      return bounded(signal, timeoutMs, async (limit) => {
        retries.earn();
        const answer = await follow('GET', new URL(path, base), limit);
        try {
          return await readAnswer(answer, limits, limit);
        } finally {
          release(answer);
        }
      });
    },
    async head(key, { signal }) {
      signal.throwIfAborted();
      const path = encodeKey(key);
      if (path === undefined) return 'missing';
      return bounded(signal, timeoutMs, async (limit) => {
        retries.earn();
        const answer = await follow('HEAD', new URL(path, base), limit);
        release(answer);
        const { statusCode, headers } = answer;
        if (ABSENT.has(statusCode)) return 'missing';
        if (REFUSALS.has(statusCode)) return 'unknown';
        if (statusCode !== 200) throw errors.storeFailed(new Error(`the origin answered ${statusCode}`));
        return versionOfHead(headers);
      });
    },
    check: ({ signal }) =>
      checked(`the origin ${base.host}`, signal, timeoutMs, async (limit) => {
        const answer = await follow('GET', new URL(`${CHECK_FOLDER}${randomUUID()}`, base), limit);
        release(answer);
        const { statusCode } = answer;
        if (ABSENT.has(statusCode)) return { usable: true };
        const what = `the origin ${base.host} answers ${statusCode} for a key that does not exist`;
        // Some answer 403 for what is missing; what is there may be read all the same.
        return statusCode === 200 || statusCode === 403 ? { usable: true, note: what } : { usable: false, why: what };
      }),
    async close() {
      closed = true;
      await (await connecting?.catch(() => undefined))?.destroy();
    },
  };
}

/**
 * Releases the socket without waiting: the rest of a short error page is read, until the request's signal aborts, and the
 * socket is kept; the rest of a picture is not read and the socket is closed.
 */
function release({ statusCode, body }: Answer): void {
  // undici reports the destruction of a body as an error event.
  body.on('error', () => {});
  if (statusCode === 200) body.destroy();
  else body.dump({ limit: MAX_DRAINED_BYTES }).catch(() => {});
}

async function readAnswer(answer: Answer, limits: BodyLimits, limit: AbortSignal): Promise<StoredObject | undefined> {
  const { statusCode, headers, body } = answer;
  if (ABSENT.has(statusCode)) return undefined;
  if (statusCode !== 200) throw errors.storeFailed(new Error(`the origin answered ${statusCode}`));
  // Encodings can be chained without limit, and the request accepts none. RFC 9110, 8.4.1: names are case-insensitive.
  const encoding = String(headers['content-encoding'] ?? 'identity').toLowerCase();
  const transfer = String(headers['transfer-encoding'] ?? 'chunked').toLowerCase();
  if (encoding !== 'identity' || transfer !== 'chunked')
    throw errors.storeFailed(new Error(`the origin encoded its answer: ${encoding}, ${transfer}`));
  const announced = headers['content-length'] === undefined ? undefined : Number(headers['content-length']);
  const content = await readBody(body, announced, limits, limit);
  const version = versionOf(headers, content.length);
  return { body: content, contentType: text(headers['content-type']), cacheControl: undefined, metadata: {}, version };
}

/** The path below the base that an origin decodes to exactly this key; undefined for keys that URLs cannot carry. */
function encodeKey(key: string): string | undefined {
  if (key === '' || !key.isWellFormed()) return undefined;
  const segments = key.split('/');
  if (segments.some((segment) => segment === '.' || segment === '..')) return undefined;
  return `./${segments.map(encodeURIComponent).join('/')}`;
}
