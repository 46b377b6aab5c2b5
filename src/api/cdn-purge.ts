import { setTimeout as delay } from 'node:timers/promises';

/** Tells a CDN to drop what carries this cache tag. Never rejects. */
export type CdnPurge = (id: string, cacheTag: string, signal: AbortSignal) => Promise<'purged' | 'failed'>;

/** Which CDN, and what it calls the place to purge: a zone, a service, a pull zone, or a webhook's own URL. */
export interface CdnTarget {
  readonly kind: 'cloudflare' | 'fastly' | 'bunny' | 'webhook';
  readonly target: string;
}

export interface CdnPurgeOptions extends CdnTarget {
  readonly token: string | undefined;
  /** Where the CDN's API answers; its public address unless a test says otherwise. */
  readonly apiUrl?: string;
  readonly retryDelayMs?: number;
  warn(what: string, key: string, reason: unknown): void;
}

const ATTEMPTS = 3;
const TIMEOUT_MS = 5000;

interface Call {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** By each CDN's documentation: purge by tag (Cloudflare, bunny.net) or by surrogate key (Fastly). */
const CALLS: Readonly<
  Record<CdnTarget['kind'], { apiUrl: string; call(target: string, id: string, tag: string, token: string): Call }>
> = {
  cloudflare: {
    apiUrl: 'https://api.cloudflare.com',
    call: (zone, _id, tag, token) => ({
      path: `/client/v4/zones/${encodeURIComponent(zone)}/purge_cache`,
      headers: { authorization: `Bearer ${token}` },
      body: { tags: [tag] },
    }),
  },
  fastly: {
    apiUrl: 'https://api.fastly.com',
    call: (service, _id, tag, token) => ({
      path: `/service/${encodeURIComponent(service)}/purge/${tag}`,
      headers: { 'fastly-key': token },
    }),
  },
  bunny: {
    apiUrl: 'https://api.bunny.net',
    call: (pullZone, _id, tag, token) => ({
      path: `/pullzone/${encodeURIComponent(pullZone)}/purgeCache`,
      headers: { accesskey: token },
      body: { CacheTag: tag },
    }),
  },
  webhook: {
    apiUrl: '',
    call: (url, id, tag, token) => ({
      path: url,
      headers: token ? { authorization: `Bearer ${token}` } : {},
      body: { id, cacheTag: tag },
    }),
  },
};

export function createCdnPurge(options: CdnPurgeOptions): CdnPurge {
  const { kind, target, token = '', retryDelayMs = 300, warn } = options;
  const { apiUrl, call } = CALLS[kind];

  async function tell({ path, headers, body }: Call, signal: AbortSignal): Promise<void> {
    const answer = await fetch((options.apiUrl ?? apiUrl) + path, {
      method: 'POST',
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    await answer.body?.cancel();
    if (!answer.ok) throw new Error(`the CDN answered ${answer.status}`);
  }

  return async (id, cacheTag, signal) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await tell(call(target, id, cacheTag, token), signal);
        return 'purged';
      } catch (reason) {
        if (attempt >= ATTEMPTS || signal.aborted) {
          warn('the CDN could not be told of a purge', id, reason);
          return 'failed';
        }
        await delay(retryDelayMs * 2 ** (attempt - 1), undefined, { signal }).catch(() => {});
      }
    }
  };
}
