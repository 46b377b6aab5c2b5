/** What a URL carries beside preset and id, decoded; all of it is signed. */
export interface SignedParameters {
  /** `exp`: unix seconds. */
  readonly expiresAt: number | undefined;
  /** `dl`: the name under which browsers save the picture. */
  readonly download?: string;
  /** `t.<name>`: texts for the preset's variables. */
  readonly variables?: Readonly<Record<string, string>>;
  /** `v`: the shop's own version of the original. */
  readonly version?: string;
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
