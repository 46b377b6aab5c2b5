/** Headers for HTTP caches, and their conditional requests: RFC 9110 (13), RFC 9111, RFC 9211. */

const ONE_YEAR_S = 31_536_000;
const UNCHANGING = `public, max-age=${ONE_YEAR_S}, immutable`;
/** Long enough for a CDN to take the load off, short enough for a better rendition to come through. */
const PASSING_S = 60;

/** What a preset says about how long its renditions are kept, and by whom. Seconds. */
export interface Lifetime {
  /** Then a reload may ask before it is over. */
  readonly maxAge?: number | undefined;
  /** How long an answer may be sent that is over while it is asked for anew (RFC 5861, 3). */
  readonly staleWhileRevalidate?: number | undefined;
  /** Kept by the browser alone (RFC 9111, 5.2.2.7). */
  readonly private?: boolean | undefined;
}

/** `expiresAt` and `now` in unix seconds. No cache may keep the answer beyond the URL's expiry, stale or not. */
export function cacheControl(expiresAt: number | undefined, now: number, lifetime: Lifetime = {}): string {
  const { maxAge, staleWhileRevalidate } = lifetime;
  const ofPreset = maxAge !== undefined || staleWhileRevalidate !== undefined || lifetime.private;
  if (expiresAt === undefined && !ofPreset) return UNCHANGING;
  const wanted = maxAge ?? ONE_YEAR_S;
  const seconds = atMost(wanted, expiresAt, now);
  const stale = atMost(wanted + (staleWhileRevalidate ?? 0), expiresAt, now) - seconds;
  const after = stale > 0 ? `, stale-while-revalidate=${stale}` : '';
  return `${scope(lifetime)}, max-age=${seconds}${maxAge === undefined ? ', immutable' : ''}${after}`;
}

/** For a rendition that may come out better next time, or of which it cannot be told whether it still counts. */
export function passingCacheControl(expiresAt: number | undefined, now: number, lifetime: Lifetime = {}): string {
  return `${scope(lifetime)}, max-age=${atMost(Math.min(PASSING_S, lifetime.maxAge ?? PASSING_S), expiresAt, now)}`;
}

/** For the picture that stands for an original: no longer than the error that it is sent with, `ofError`. */
export function fallbackCacheControl(ofError: string, expiresAt: number | undefined, now: number, lifetime: Lifetime) {
  const [, seconds = '0'] = /max-age=(\d+)/.exec(ofError) ?? [];
  return `${scope(lifetime)}, max-age=${atMost(Math.min(Number(seconds), lifetime.maxAge ?? ONE_YEAR_S), expiresAt, now)}`;
}

const scope = (lifetime: Lifetime) => (lifetime.private ? 'private' : 'public');

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
