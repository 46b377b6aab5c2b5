import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip, type Gunzip } from 'node:zlib';

/** No URL that is served is as long; what stands behind it in a line is dropped. */
export const MAX_LINE = 32_768;

/** Lines of a log of any size, each cut at MAX_LINE, as many at a time as one read brings. A name that ends with `.gz` is unpacked, `-` is the standard input. */
export async function* linesOf(file: string): AsyncGenerator<string[]> {
  const source = file === '-' ? process.stdin : createReadStream(file);
  const unpacked = file.endsWith('.gz') ? unpackedOf(source) : source;
  unpacked.setEncoding('utf8');
  let begun = '';
  for await (const chunk of unpacked as AsyncIterable<string>) {
    const lines = chunk.split('\n');
    lines[0] = (begun + (lines[0] ?? '')).slice(0, MAX_LINE);
    begun = (lines.pop() ?? '').slice(0, MAX_LINE);
    yield lines;
  }
  if (begun !== '') yield [begun];
}

function unpackedOf(packed: Readable): Gunzip {
  const gunzip = createGunzip();
  // `pipe` hands on no error.
  packed.once('error', (error) => gunzip.destroy(error));
  return packed.pipe(gunzip);
}

/** A request of a log: its path and query, and the status where the line has one. */
export interface LoggedRequest {
  readonly path: string;
  readonly status: number | undefined;
}

/** `"GET /path HTTP/1.1" 200`, of nginx's and Apache's combined format, with or without the quotes. */
const COMBINED = /\b(?:GET|HEAD) ((?:https?:\/\/|\/)\S*)(?: HTTP\/[\d.]+"? (\d{3})\b)?/;
/** Thumbor's server: `200 GET /path (127.0.0.1) 12.30ms`. */
const TORNADO = /\b(\d{3}) (?:GET|HEAD) (\S+) \(/;
/** imgproxy's: `Completed in 12ms /path`; what it says when a request begins is the same request. */
const IMGPROXY = /\bCompleted in \S+ (\/\S+?)["\s]?(?:\s|$)/;
const BEGINS = /\bStarted \//;
const BARE = /^((?:https?:\/\/[^/\s]+)?\/\S+)\s*$/;
/** Names that JSON logs have for a request's URL (nginx, Caddy, Cloudflare, CloudFront). */
const URL_FIELDS = [
  'url',
  'path',
  'request',
  'request_uri',
  'uri',
  'ClientRequestURI',
  'cs-uri-stem',
  'message',
  'msg',
];
const STATUS_FIELDS = ['status', 'statusCode', 'status_code', 'EdgeResponseStatus', 'sc-status'];
/** Caddy's `request` holds another object. */
const MAX_DEPTH = 2;

/** Undefined for lines without a request. */
export function requestOf(line: string): LoggedRequest | undefined {
  const text = line.trim();
  const found = text.startsWith('{') ? ofJson(text) : ofText(text);
  return found && { ...found, path: found.path.replace(/^https?:\/\/[^/?#]*/i, '') };
}

function ofText(text: string): LoggedRequest | undefined {
  const [, code, thumbor] = TORNADO.exec(text) ?? [];
  if (thumbor !== undefined) return { path: thumbor, status: Number(code) };
  const [, path, status] = COMBINED.exec(text) ?? [];
  if (path !== undefined) return { path, status: status === undefined ? undefined : Number(status) };
  if (BEGINS.test(text)) return undefined;
  const [, completed] = IMGPROXY.exec(text) ?? BARE.exec(text) ?? [];
  const [, said] = /\bstatus=(\d{3})\b/.exec(text) ?? [];
  return completed === undefined
    ? undefined
    : { path: completed, status: said === undefined ? undefined : Number(said) };
}

function ofJson(text: string): LoggedRequest | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  return ofObject(parsed, MAX_DEPTH);
}

function ofObject(value: unknown, depth: number): LoggedRequest | undefined {
  if (typeof value !== 'object' || value === null || depth === 0) return undefined;
  const object = value as Record<string, unknown>;
  const [code] = STATUS_FIELDS.flatMap((field) =>
    /^\d{3}$/.test(String(object[field])) ? [Number(object[field])] : [],
  );
  for (const field of URL_FIELDS) {
    const { [field]: said } = object;
    const found = typeof said === 'string' ? ofText(said) : ofObject(said, depth - 1);
    if (found) return { path: found.path, status: code ?? found.status };
  }
  return undefined;
}
