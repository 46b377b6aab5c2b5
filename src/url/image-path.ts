/** What a URL carries beside preset and id, decoded; all of it is signed. */
export interface SignedParameters {
  /** `exp`: unix seconds. */
  readonly expiresAt: number | undefined;
  /** `dl`: the name under which browsers save the picture. */
  readonly download?: string | undefined;
  /** `t.<name>`: texts for the preset's variables. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
  /** `v`: the shop's own version of the original. */
  readonly version?: string | undefined;
}

/** The parts of an image URL, decoded. */
export interface ImagePathParts extends SignedParameters {
  readonly signature: string;
  readonly preset: string;
  readonly suffix: string;
  readonly id: string;
}

/** The path that a signer publishes. Slashes of the id stand raw unless a CDN could collapse them. */
export function formatImagePath({ signature, preset, suffix, id, ...parameters }: ImagePathParts): string {
  const encoded = encodeURIComponent(id);
  const collapsible = id.split('/').includes('');
  const query = namedParameters(parameters).map(([name, value]) => `${name}=${encodeValue(value)}`);
  const path = `/${signature}/${preset}${suffix}/${collapsible ? encoded : encoded.replaceAll('%2F', '/')}`;
  return query.length > 0 ? `${path}?${query.join('&')}` : path;
}

/** Browsers encode `'` in a query and leave it raw in a path (https://url.spec.whatwg.org/#special-query-percent-encode-set). */
function encodeValue(value: string): string {
  return encodeURIComponent(value).replaceAll("'", '%27');
}

/** Names and values in the alphabetical order in which they stand in the URL and in the signed text. */
function namedParameters({ expiresAt, download, variables = {}, version }: SignedParameters): [string, string][] {
  const texts = Object.keys(variables)
    .sort()
    .map((name) => [`t.${name}`, variables[name]]);
  const all = [['dl', download], ['exp', expiresAt?.toString()], ...texts, ['v', version]];
  return all.filter((parameter): parameter is [string, string] => parameter[1] !== undefined);
}

/** The text that a signature covers: version 1 with no parameter but `exp`, else version 2. The suffix is left out. */
export function signedText(preset: string, id: string, parameters: SignedParameters): string {
  const { expiresAt, download, variables = {}, version } = parameters;
  const others = download !== undefined || version !== undefined || Object.keys(variables).length > 0;
  if (!others) return `darkroom:v1\n${preset}\n${id}\n${expiresAt ?? ''}`;
  const named = namedParameters(parameters);
  return `darkroom:v2\n${preset}\n${id}\n${named.map((parameter) => parameter.join('=')).join('\n')}`;
}

/** Of the HMAC's 32: 128 bits, 22 characters in the URL. */
export const SIGNATURE_BYTES = 16;

export const MAX_ID_BYTES = 512;
/** Of what follows `t.`: names of parameters have up to 32 characters. */
export const VARIABLE_NAME = /^[a-z0-9_.]{1,30}$/;
export const MAX_VARIABLES = 8;
/** Least and most bytes of a decoded value: headers and keys are made of it. */
const VALUE_BYTES: Readonly<Record<string, [least: number, most: number]>> = { dl: [1, 200], v: [1, 128] };
const MAX_TEXT_BYTES = 256;

export const CONTROL_CHARACTERS = /\p{Cc}/u;
const DISGUISED = /%(?:25|2e|2f|5c|00)/gi;

const bytesOf = (text: string) => new TextEncoder().encode(text).length;

/** Without half a surrogate pair, of which UTF-8 has no bytes. */
export const isText = (value: unknown): value is string => typeof value === 'string' && !/\p{Cs}/u.test(value);

/** Why a text cannot be an id: it could leave its folder, or is no valid text. Undefined where it can. */
export function idFault(id: string): string | undefined {
  if (id === '') return 'The id is empty.';
  if (id.startsWith('/')) return 'The id starts with a slash.';
  if (bytesOf(id) > MAX_ID_BYTES) return `The id is longer than ${MAX_ID_BYTES} bytes.`;
  if (CONTROL_CHARACTERS.test(id)) return 'The id holds control characters.';
  return climbs(id) ? 'The id holds dot segments.' : undefined;
}

/**
 * Whether the id leaves its folder, read as it is or decoded further. An HTTP origin may decode once more than it should,
 * so encoded dots, slashes, backslashes and NULs count as decoded; other encoded text stays literal.
 */
function climbs(id: string): boolean {
  for (let reading = id; ; ) {
    if (reading.includes('\0') || /(?:^|[/\\])\.\.?(?:$|[/\\])/.test(reading)) return true;
    const next = reading.replace(DISGUISED, decodeURIComponent);
    if (next === reading) return false;
    reading = next;
  }
}

/** Why a decoded value of `dl`, `t.<name>` or `v` cannot stand under a signature. Undefined where it can. */
export function parameterFault(name: string, value: string): string | undefined {
  const [least, most] = VALUE_BYTES[name] ?? [0, MAX_TEXT_BYTES];
  const length = bytesOf(value);
  if (length >= least && length <= most && !CONTROL_CHARACTERS.test(value)) return undefined;
  return `${name} is no text of ${least} to ${most} bytes without control characters.`;
}
