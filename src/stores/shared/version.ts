import type { ObjectVersion } from '../store.ts';

/** Statuses of a HEAD that say nothing about the object, because the request as such is refused. */
export const REFUSALS: ReadonlySet<number> = new Set([401, 403, 405, 501]);

type Header = string | string[] | undefined;

/** The version that response headers name (RFC 9110, 8.8). `headers`: names in lower case. */
export function versionOf(headers: Readonly<Record<string, Header>>, bytes: number): ObjectVersion {
  const modified = Date.parse(text(headers['last-modified']) ?? '');
  return { etag: text(headers.etag), bytes, lastModified: Number.isNaN(modified) ? undefined : modified };
}

/** The version that a 200 to a HEAD names; 'unknown' without a length (RFC 9110, 8.6 lets a HEAD omit it). */
export function versionOfHead(headers: Readonly<Record<string, Header>>): ObjectVersion | 'unknown' {
  const length = text(headers['content-length']) ?? '';
  return /^\d+$/.test(length) ? versionOf(headers, Number(length)) : 'unknown';
}

/** The first value of a header. */
export function text(header: Header): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
