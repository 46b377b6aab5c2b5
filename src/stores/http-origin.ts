import { isIP } from 'node:net';
import type { Agent, Dispatcher } from 'undici';
import { errors } from '../errors.ts';
import { AddressRefused, createGuardedLookup, isPublicAddress, type Resolver } from './address-guard.ts';
import type { ObjectReader, StoredObject } from './store.ts';
import { bounded, readBody, tooLarge } from './time-limit.ts';

export interface HttpOriginOptions {
  /** Everything is read below this. */
  readonly baseUrl: string;
  /** Limit of one call in milliseconds, redirects and body included. */
  readonly timeoutMs: number;
  /** Lets the origin be `http:` and have private, loopback or link-local addresses. */
  readonly allowPrivate: boolean;
  readonly maxConnections?: number;
  /** How names are resolved; for tests. */
  readonly resolveName?: Resolver;
}

const MAX_REDIRECTS = 3;
const CONNECT_TIMEOUT_MS = 1000;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** How a kept-alive socket dies that the other side closed while it was idle. */
const STALE_SOCKET = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

type Answer = Dispatcher.ResponseData;

/** Originals behind HTTP. Redirects, addresses and lengths are checked; the content type is passed on as a claim. */
export function createHttpOrigin(options: HttpOriginOptions): ObjectReader {
  const { timeoutMs, allowPrivate } = options;
  const base = new URL(options.baseUrl.endsWith('/') ? options.baseUrl : `${options.baseUrl}/`);
  let connecting: Promise<{ agent: Agent; request: typeof import('undici').request }> | undefined;

  /** Throws for a URL that must not be connected to. Names are checked again when they are resolved. */
  function assertAllowed(url: URL): void {
    const refuse = (why: string) => {
      throw new Error(`an origin or redirect is refused: ${why}`);
    };
    if (url.protocol !== 'https:' && !(allowPrivate && url.protocol === 'http:')) refuse('it is not https');
    if (url.username || url.password) refuse('it carries credentials');
    if (allowPrivate) return;
    if (url.port !== '' && url.port !== base.port) refuse('it names another port');
    // Sockets do not look up literal addresses. URL has already normalised decimal, hex and octal spellings.
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) && !isPublicAddress(host)) throw new AddressRefused(host);
  }

  async function ask(url: URL, limit: AbortSignal): Promise<Answer> {
    connecting ??= connect(options);
    const { agent, request } = await connecting;
    const send = () =>
      request(url, {
        dispatcher: agent,
        signal: limit,
        headers: { 'accept-encoding': 'identity', accept: 'image/*', 'user-agent': 'darkroom' },
      });
    try {
      return await send();
    } catch (error) {
      // No byte of an answer came, and a GET may be repeated: once, on a socket that is new by then.
      if (!STALE_SOCKET.has((error as NodeJS.ErrnoException).code ?? '') || limit.aborted) throw error;
      return send();
    }
  }

  async function follow(start: URL, limit: AbortSignal): Promise<Answer> {
    let url = start;
    for (let redirects = 0; ; redirects += 1) {
      assertAllowed(url);
      const answer = await ask(url, limit);
      const { location } = answer.headers;
      if (!REDIRECTS.has(answer.statusCode)) return answer;
      discard(answer);
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
    async get(key, { signal, maxBytes }) {
      const path = encodeKey(key);
      if (path === undefined) return undefined;
      return bounded(signal, timeoutMs, async (limit) => {
        const answer = await follow(new URL(path, base), limit);
        try {
          return await readAnswer(answer, maxBytes, limit);
        } finally {
          discard(answer);
        }
      });
    },
    async close() {
      const connected = await connecting?.catch(() => undefined);
      await connected?.agent.destroy();
    },
  };
}

/** Gives the socket back or up. undici reports an unread body's destruction as an error, which nobody else hears. */
function discard({ body }: Answer): void {
  body.on('error', () => {}).destroy();
}

async function connect({ timeoutMs, allowPrivate, maxConnections = 50, resolveName }: HttpOriginOptions) {
  const { Agent, request } = await import('undici');
  const agent = new Agent({
    connections: maxConnections,
    pipelining: 1,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    connect: {
      timeout: Math.min(CONNECT_TIMEOUT_MS, timeoutMs),
      ...(allowPrivate ? {} : { lookup: createGuardedLookup(resolveName) }),
    },
  });
  return { agent, request };
}

async function readAnswer(answer: Answer, maxBytes: number, limit: AbortSignal): Promise<StoredObject | undefined> {
  const { statusCode, headers, body } = answer;
  if (statusCode === 404 || statusCode === 410) return undefined;
  if (statusCode !== 200) throw errors.storeFailed(new Error(`the origin answered ${statusCode}`));
  // Encodings can be chained without end, and none was asked for.
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') throw errors.storeFailed(new Error(`the origin encoded its answer as ${encoding}`));
  const announced = headers['content-length'] === undefined ? undefined : Number(headers['content-length']);
  if (announced !== undefined && announced > maxBytes) throw tooLarge(maxBytes);
  const content = await readBody(body, announced, maxBytes, limit);
  return { body: content, contentType: text(headers['content-type']), cacheControl: undefined, metadata: {} };
}

/** The path below the base that an origin decodes to exactly this key. Undefined for keys that URLs cannot carry. */
function encodeKey(key: string): string | undefined {
  const segments = key.split('/');
  if (segments.some((segment) => segment === '.' || segment === '..')) return undefined;
  return `./${segments.map(encodeURIComponent).join('/')}`;
}

function text(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
