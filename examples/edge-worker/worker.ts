/**
 * A Cloudflare Worker in front of Darkroom: refuses forged URLs without waking a machine, turns Accept into a pinned
 * format so that each picture has at most three cache keys, and asks the origin once for each of them.
 */
import { createVerifier, formatImagePath } from '@darkroom-images/url/verify';
import presets from '../presets.json' with { type: 'json' };
import { pin } from './pin.ts';

export interface Env {
  /** Where Darkroom answers, such as `https://my-darkroom.fly.dev`. */
  readonly ORIGIN_URL: string;
  /** The server's own list: comma-separated hex keys, any of which may have signed. */
  readonly DARKROOM_SIGNING_KEYS: string;
  /** The server's setting of the same name, or the first of its two values. */
  readonly DARKROOM_ORIGIN_SECRET?: string;
}
interface Context {
  waitUntil(promise: Promise<unknown>): void;
}
/** `caches.default` is Cloudflare's own. */
declare const caches: {
  readonly default: {
    match(key: Request): Promise<Response | undefined>;
    put(key: Request, answer: Response): Promise<void>;
  };
};

/** A whole answer as plain data: a stream belongs to one request and cannot be shared with others. */
interface Answer {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: ArrayBuffer;
}

/** Milliseconds, longer than the server's own deadlines for queue and render together. */
const ORIGIN_TIMEOUT_MS = 35_000;
/** Folders of an id that a purge can name, outermost first. */
const TAGGED_FOLDERS = 4;
/** Seconds that caches keep a redirect. */
const REDIRECT_S = 86_400;
const underWay = new Map<string, Promise<Answer>>();
let verifier: { keys: string; verify: ReturnType<typeof createVerifier> } | undefined;

export default {
  async fetch(request: Request, env: Env, context: Context): Promise<Response> {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return refusal(405, 'method_not_allowed', 'Images are read with GET or HEAD.', { allow: 'GET, HEAD' });

    const { origin, pathname, search } = new URL(request.url);
    const verdict = await verifierFor(env)(pathname + search);
    if (!verdict.ok) return refusal(verdict.status, verdict.error, verdict.message);
    const { url } = verdict;
    const pinned = pin(presets, url.preset, url.suffix, request.headers.get('accept') ?? '');
    if (pinned === 'not_offered') return refusal(404, 'unknown_preset', 'No such preset, size or format is on offer.');

    // One spelling for each picture, however the client or a CDN encoded it.
    const path = formatImagePath({ ...url, suffix: pinned?.suffix ?? url.suffix });
    if (pinned?.moved) return redirect(path, url.expiresAt, pinned.negotiated);
    const key = new Request(origin + path);
    const kept = await caches.default.match(key);
    const answer = kept ?? (await develop(path, pinned ? key : undefined, url.id, env, request, context));
    return toClient(request, answer, url.expiresAt, kept ? 'edge; hit' : 'edge; fwd=miss', pinned?.negotiated);
  },
};

function verifierFor({ DARKROOM_SIGNING_KEYS: keys }: Env) {
  if (verifier?.keys !== keys)
    verifier = { keys, verify: createVerifier({ keys: keys.split(',').map((key) => key.trim()) }) };
  return verifier.verify;
}

/** One fetch for all requests of this isolate for one path. `key`: of the cache; undefined for answers that may vary. */
async function develop(
  path: string,
  key: Request | undefined,
  id: string,
  env: Env,
  request: Request,
  context: Context,
): Promise<Response> {
  // The server negotiates what the worker cannot pin, so each request has a fetch of its own.
  if (!key) return fetchOrigin(path, env, request.headers.get('accept') ?? '').catch(unreachable);
  let flight = underWay.get(path);
  if (!flight) {
    flight = fetchOrigin(path, env, 'image/*')
      .then(async (answer) => {
        const { status, headers } = answer;
        const body = await answer.arrayBuffer();
        if (isKept(answer))
          await caches.default.put(key, new Response(body, { headers: await keptHeaders(headers, id) }));
        return { status, headers: [...headers], body };
      })
      .finally(() => underWay.delete(path));
    underWay.set(path, flight);
    // Other requests wait for it, so it must not end with the first client's connection.
    context.waitUntil(flight.catch(() => {}));
  }
  try {
    const { status, headers, body } = await flight;
    return new Response(body, { status, headers: headers.map(([name, value]) => [name, value]) });
  } catch {
    return unreachable();
  }
}

/** Of the client's headers the origin gets Accept alone. */
function fetchOrigin(path: string, env: Env, accept: string): Promise<Response> {
  const signal = AbortSignal.timeout(ORIGIN_TIMEOUT_MS);
  const secret = env.DARKROOM_ORIGIN_SECRET;
  const headers = { accept, ...(secret ? { 'x-origin-secret': secret } : {}) };
  return fetch(env.ORIGIN_URL.replace(/\/+$/, '') + path, { headers, redirect: 'manual', signal });
}

/** Only pictures, and only with a Cache-Control that lets caches keep them. */
function isKept({ status, headers }: Response): boolean {
  const control = headers.get('cache-control') ?? '';
  return status === 200 && /max-age=[1-9]/.test(control) && !/no-store|private/.test(control);
}

/** Cloudflare takes Cache-Tag off answers of proxied origins, so it is made anew; a purge by tag reaches this cache too. */
async function keptHeaders(from: Headers, id: string): Promise<Headers> {
  const headers = new Headers(from);
  const folders = Array.from(id.matchAll(/\//g), ({ index }) => id.slice(0, index + 1)).slice(0, TAGGED_FOLDERS);
  const tags = [digestOf(id, 16).then((digest) => `o-${digest}`)];
  for (const folder of folders) tags.push(digestOf(folder, 8).then((digest) => `f-${digest}`));
  headers.set('cache-tag', (await Promise.all(tags)).join(','));
  headers.delete('vary');
  return headers;
}

/** The first bytes of a SHA-256, in hex. */
async function digestOf(text: string, bytes: number): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest, 0, bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function toClient(
  request: Request,
  answer: Response,
  expiresAt: number | undefined,
  cacheStatus: string,
  negotiated = false,
): Response {
  const headers = new Headers(answer.headers);
  headers.append('cache-status', cacheStatus);
  if (negotiated) headers.set('vary', 'Accept');
  const control = headers.get('cache-control');
  // A cached answer must not outlive its URL in the browser.
  if (control && expiresAt !== undefined) {
    const left = Math.max(0, Math.floor(expiresAt - Date.now() / 1000));
    headers.set(
      'cache-control',
      control
        .replace(/, stale-while-revalidate=\d+/, '')
        .replace(/max-age=(\d+)/, (_, age) => `max-age=${Math.min(Number(age), left)}`),
    );
  }
  const { status } = answer;
  if (status === 200 && isSame(request.headers.get('if-none-match'), headers.get('etag'))) {
    for (const name of ['content-length', 'content-type']) headers.delete(name);
    return new Response(null, { status: 304, headers });
  }
  return new Response(request.method === 'HEAD' ? null : answer.body, { status, headers });
}

/** As the server answers `@1x` and the preset's own format: to the URL without them. */
function redirect(location: string, expiresAt: number | undefined, negotiated: boolean): Response {
  const left = expiresAt === undefined ? REDIRECT_S : Math.max(0, Math.floor(expiresAt - Date.now() / 1000));
  const headers = {
    location,
    'cache-control': `public, max-age=${Math.min(REDIRECT_S, left)}`,
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; sandbox",
    'cross-origin-resource-policy': 'cross-origin',
    'access-control-allow-origin': '*',
    'timing-allow-origin': '*',
    ...(negotiated ? { vary: 'Accept' } : {}),
  };
  return new Response(null, { status: 301, headers });
}

/** By weak comparison (RFC 9110, 13.1.2). */
function isSame(ifNoneMatch: string | null, etag: string | null): boolean {
  if (!ifNoneMatch || !etag) return false;
  return ifNoneMatch.trim() === '*' || ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}

const unreachable = () => refusal(502, 'store_failed', 'The origin cannot be reached right now.');

/** In the server's own form. */
function refusal(status: number, error: string, message: string, more: Record<string, string> = {}): Response {
  const headers = {
    'cache-control': status < 500 && status !== 405 ? 'public, max-age=60' : 'no-store',
    'x-error': error,
    ...more,
  };
  return Response.json({ error, message }, { status, headers });
}
