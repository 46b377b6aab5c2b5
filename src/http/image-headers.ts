import type { Rendition } from '../renditions/rendition.ts';
import { cacheControl, NOT_TO_BE_KEPT, passingCacheControl, redirectCacheControl, type Source } from './http-cache.ts';
import type { Target } from './resolve.ts';

/** Of a rendition that caches may keep. */
export function lastingHeaders(
  { url, variant, headers }: Target,
  { etag, renderedAt }: Rendition,
): Readonly<Record<string, string>> {
  return {
    ...headers,
    'cache-control': cacheControl(url.expiresAt, Date.now() / 1000, variant.maxAge),
    etag,
    'last-modified': new Date(renderedAt * 1000).toUTCString(),
  };
}

export function redirectHeaders({ url, headers }: Target, location: string): Readonly<Record<string, string>> {
  return { ...headers, 'cache-control': redirectCacheControl(url.expiresAt, Date.now() / 1000), location };
}

/** Without an ETag, so that no cache prolongs it by asking whether it is still the same. */
export function passingHeaders({ url, variant, headers }: Target, source: Source): Readonly<Record<string, string>> {
  const passing =
    source === 'nearest' ? NOT_TO_BE_KEPT : passingCacheControl(url.expiresAt, Date.now() / 1000, variant.maxAge);
  return { ...headers, 'cache-control': passing };
}
