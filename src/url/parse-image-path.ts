import {
  CONTROL_CHARACTERS,
  idFault,
  MAX_VARIABLES,
  parameterFault,
  type SignedParameters,
  VARIABLE_NAME,
} from './image-path.ts';
import { isConsistent } from './spelling.ts';

/** A parsed image URL: `/<signature>/<preset><suffix>/<id>[?<parameters>]`, every part percent-decoded once. */
export interface ImageUrl extends SignedParameters {
  readonly signature: string;
  /** Name or inline recipe without the suffix, as the signature covers it. */
  readonly preset: string;
  /** `@2x`, `@640w`, `.webp`, a combination, or empty. Not signed: the preset declares what it offers. */
  readonly suffix: string;
  readonly id: string;
}

/** A URL that is not an image URL, with the answer that server and edge both give. */
export class MalformedUrl extends Error {
  readonly code: 'bad_request' | 'not_found';

  constructor(code: 'bad_request' | 'not_found', message: string) {
    super(message);
    this.code = code;
  }
}

const bad = (message: string) => new MalformedUrl('bad_request', message);

// Raw spaces, controls and non-ASCII characters cannot stand in a URI (RFC 3986, 2); a `#` never reaches a server.
const NOT_IN_A_REQUEST_TARGET = /[^\x21-\x7e]|#/;
const EXPIRY = /^[1-9][0-9]{0,11}$/;

/**
 * Splits and checks a request target (RFC 9112, 3.2). `prefix`: what all paths begin with, such as `/images`. Throws a
 * MalformedUrl: `not_found` for other paths and for fewer than three parts.
 */
export function parseImagePath(target: string, prefix = ''): ImageUrl {
  const whole = withoutHost(target);
  if (!whole.startsWith(`${prefix}/`)) throw notFound(prefix);
  const originForm = whole.slice(prefix.length);
  if (NOT_IN_A_REQUEST_TARGET.test(originForm)) throw bad('The URL holds characters that must be encoded.');
  const [path, query] = splitOnce(originForm, '?');
  const [, signature, preset, id] = /^\/([^/]*)\/([^/]*)\/(.*)$/.exec(path) ?? [];
  if (signature === undefined || preset === undefined || id === undefined) throw notFound(prefix);

  const [, name = '', suffix = ''] = /^([^@.]*)(.*)$/s.exec(decode(preset)) ?? [];
  if (CONTROL_CHARACTERS.test(name)) throw bad('The preset holds control characters.');
  const { values, ...parameters } = query === undefined ? NO_PARAMETERS : parseQuery(query);
  const url = { signature: decode(signature), preset: name, suffix, id: checkId(decode(id)), ...parameters };
  if (!isConsistent(signature + preset, id, values))
    throw bad('The URL is not percent-encoded as the signers encode it.');
  return url;
}

/** Path and query of a request target, which a proxy may send with its host. */
export function withoutHost(target: string): string {
  return target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?#]*/i, '');
}

function decode(part: string): string {
  try {
    // Throws on invalid UTF-8 as well as on stray percent signs; leaves `+` alone.
    return decodeURIComponent(part);
  } catch {
    throw bad('The URL is not validly percent-encoded UTF-8.');
  }
}

/** The id itself. Throws a MalformedUrl for ids that could leave their folder or that are no valid text. */
export function checkId(id: string): string {
  const fault = idFault(id);
  if (fault !== undefined) throw bad(fault);
  return id;
}

const NO_PARAMETERS = { expiresAt: undefined, values: '' };
const NOT_A_QUERY = 'A query is made of dl, exp, t.<name> and v, each once and in this order.';

/**
 * An ignored parameter, or another order of them, would be a free way around the CDN's cache. `values`: of all parameters, as they
 * are spelled. Names are never encoded.
 */
function parseQuery(query: string): SignedParameters & { values: string } {
  const given = new Map<string, string>();
  let [before, values] = ['', ''];
  for (const part of query.split('&')) {
    const [name, value] = splitOnce(part, '=');
    if (value === undefined || name <= before || !isParameter(name)) throw bad(NOT_A_QUERY);
    given.set(name, name === 'exp' ? value : checkParameter(name, decode(value)));
    values += value;
    before = name;
  }
  const [download, expiresAt, version] = ['dl', 'exp', 'v'].map((name) => given.get(name));
  if (expiresAt !== undefined && !EXPIRY.test(expiresAt)) throw bad('exp is no time in unix seconds.');
  const variables = [...given].flatMap(([name, text]) => (name.startsWith('t.') ? [[name.slice(2), text]] : []));
  if (variables.length > MAX_VARIABLES) throw bad(`There are more than ${MAX_VARIABLES} variables.`);
  return {
    ...{ values, expiresAt: expiresAt === undefined ? undefined : Number(expiresAt) },
    ...(download === undefined ? {} : { download }),
    ...(variables.length > 0 ? { variables: Object.fromEntries(variables) } : {}),
    ...(version === undefined ? {} : { version }),
  };
}

function isParameter(name: string): boolean {
  return ['dl', 'exp', 'v'].includes(name) || (name.startsWith('t.') && VARIABLE_NAME.test(name.slice(2)));
}

function checkParameter(name: string, value: string): string {
  const fault = parameterFault(name, value);
  if (fault !== undefined) throw bad(fault);
  return value;
}

function notFound(prefix: string): MalformedUrl {
  return new MalformedUrl('not_found', `There is nothing here. Image URLs read ${prefix}/<signature>/<preset>/<id>.`);
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
