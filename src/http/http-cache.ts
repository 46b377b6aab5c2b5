/** Headers for HTTP caches, and their conditional requests: RFC 9110 (13), RFC 9111, RFC 9211. */

const ONE_YEAR_S = 31_536_000;
const UNCHANGING = `public, max-age=${ONE_YEAR_S}, immutable`;
/** Long enough for a CDN to take the load off, short enough for a better rendition to come through. */
const PASSING_S = 60;

/**
 * `expiresAt` and `now` in unix seconds. A CDN must not keep the answer beyond the URL's expiry. `maxAge`: the preset's own, in
 * seconds; then a reload may ask before it is over.
 */
export function cacheControl(expiresAt: number | undefined, now: number, maxAge?: number): string {
  if (expiresAt === undefined && maxAge === undefined) return UNCHANGING;
  const seconds = atMost(maxAge ?? ONE_YEAR_S, expiresAt, now);
  return `public, max-age=${seconds}${maxAge === undefined ? ', immutable' : ''}`;
}

/** For a rendition that may come out better next time, or of which it cannot be told whether it still counts. */
export function passingCacheControl(expiresAt: number | undefined, now: number, maxAge = PASSING_S): string {
  return `public, max-age=${atMost(Math.min(PASSING_S, maxAge), expiresAt, now)}`;
}

/** Seconds: the canonical suffix of a URL changes only with the preset's own format. */
const REDIRECT_S = 86_400;

/** For a 301 to the canonical spelling of a URL. */
export function redirectCacheControl(expiresAt: number | undefined, now: number): string {
  return `public, max-age=${atMost(REDIRECT_S, expiresAt, now)}`;
}

function atMost(seconds: number, expiresAt: number | undefined, now: number): number {
  return expiresAt === undefined ? seconds : Math.min(seconds, Math.max(0, Math.floor(expiresAt - now)));
}

/** If-None-Match by weak comparison (RFC 9110, 13.1.2): a list of tags, or `*` for any representation. */
export function matchesEtag(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === '*') return true;
  return ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}

/** Cache-Control of a fallback rendition. */
export const NOT_TO_BE_KEPT = 'no-store';

/** Where a rendition came from; `nearest` is a fallback rendition, another size of the same crop. */
export type Source = 'memory' | 'store' | 'render' | 'nearest';

/** Cache-Status (RFC 9211). `collapsed`: another request's flight did the work (2.6). */
export function cacheStatus(source: Source, collapsed: boolean): string {
  const status = source === 'render' ? 'darkroom; fwd=miss' : `darkroom; hit; detail=${source}`;
  return collapsed ? `${status}; collapsed` : status;
}
