/** What HTTP caches are told, and what they tell us. RFC 9110 (conditional requests), RFC 9111, RFC 9211. */

const ONE_YEAR_S = 31_536_000;

/** `expiresAt` and `now` in unix seconds. A CDN must not outlive the URL's own expiry. */
export function cacheControl(expiresAt: number | undefined, now: number): string {
  const maxAge = expiresAt === undefined ? ONE_YEAR_S : Math.min(ONE_YEAR_S, Math.max(0, Math.floor(expiresAt - now)));
  return `public, max-age=${maxAge}, immutable`;
}

/** If-None-Match by weak comparison (RFC 9110, 13.1.2): a list of tags, or `*` for any representation. */
export function matchesEtag(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === '*') return true;
  return ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}

/** Where a rendition came from. */
export type Source = 'memory' | 'store' | 'render';

/** Cache-Status (RFC 9211). `collapsed`: somebody else's request did the work (2.6). */
export function cacheStatus(source: Source, collapsed: boolean): string {
  const status = source === 'render' ? 'darkroom; fwd=miss' : `darkroom; hit; detail=${source}`;
  return collapsed ? `${status}; collapsed` : status;
}
