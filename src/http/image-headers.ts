import type { Rendition } from '../renditions/rendition.ts';
import { cacheControl, NOT_TO_BE_KEPT, passingCacheControl, redirectCacheControl, type Source } from './http-cache.ts';
import type { Target } from './resolve.ts';

/** Of a rendition that caches may keep; beside those of its target. */
export function lastingHeaders({ url, variant }: Target, { etag, lastModified }: Rendition) {
  const lifetime = cacheControl(url.expiresAt, Date.now() / 1000, variant);
  return { 'cache-control': lifetime, etag, 'last-modified': lastModified };
}

export function redirectHeaders({ url, headers }: Target, location: string): Readonly<Record<string, string>> {
  const { 'content-disposition': _, ...constant } = headers;
  return { ...constant, 'cache-control': redirectCacheControl(url.expiresAt, Date.now() / 1000), location };
}

/** Beside those of its target; without an ETag, so that no cache prolongs it by asking whether it is still the same. */
export function passingHeaders({ url, variant }: Target, source: Source) {
  const passing =
    source === 'nearest' ? NOT_TO_BE_KEPT : passingCacheControl(url.expiresAt, Date.now() / 1000, variant);
  return { 'cache-control': passing };
}

/** Of the body. A rendition for which no quality was low enough says so; that follows from its bytes, so each later answer says it too. */
export function bodyHeaders({ variant }: Target, { body, contentType }: Rendition): Readonly<Record<string, string>> {
  const { maxBytes } = variant.recipe.encoding ?? {};
  const exceeds = maxBytes !== undefined && body.length > maxBytes;
  return { 'content-type': contentType, ...(exceeds ? { 'x-darkroom-max-bytes': 'exceeded' } : {}) };
}
