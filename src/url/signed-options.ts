import { isText, MAX_VARIABLES, parameterFault, type SignedParameters, VARIABLE_NAME } from './image-path.ts';

/** November of the year 5138. */
const MAX_EXPIRY_S = 99_999_999_999;

/** What a signer may put under the signature beside preset and id. */
export interface SignedOptions {
  /** Unix seconds, or a date. The URL ends then. */
  readonly expiresAt?: number | Date | undefined;
  /** Browsers save the picture under this name instead of showing it; up to 200 bytes. The rendition is the same. */
  readonly download?: string | undefined;
  /**
   * The shop's own version of the original, up to 128 bytes: with another one the original is read anew, and the URL is new to
   * every cache.
   */
  readonly version?: string | undefined;
  /** Texts for the preset's variables, up to 256 bytes each. Names: up to 30 of `a-z`, `0-9`, `_` and `.`. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
}

/** Throws a TypeError that says what is wrong: no such URL is to reach a page. */
export function signedParameters({ expiresAt, download, version, variables = {} }: SignedOptions): SignedParameters {
  const texts = Object.entries(variables);
  if (texts.length > MAX_VARIABLES || !texts.every(([name]) => VARIABLE_NAME.test(name)))
    throw new TypeError(`variables: at most ${MAX_VARIABLES}, with names of a-z, 0-9, _ and . up to 30 long.`);
  return {
    expiresAt: unixSeconds(expiresAt),
    download: checked('dl', download),
    version: checked('v', version),
    variables: Object.fromEntries(texts.map(([name, text]) => [name, checked(`t.${name}`, text)])),
  };
}

function checked<T>(name: string, value: T): T {
  if (value === undefined) return value;
  const fault = isText(value) ? parameterFault(name, value) : `${name} is no text.`;
  if (fault) throw new TypeError(fault);
  return value;
}

function unixSeconds(expiresAt: number | Date | undefined): number | undefined {
  if (expiresAt === undefined) return undefined;
  const seconds = expiresAt instanceof Date ? Math.floor(Number(expiresAt) / 1000) : expiresAt;
  if (!Number.isInteger(seconds) || seconds <= 0)
    throw new TypeError('expiresAt must be whole unix seconds or a date.');
  if (seconds > MAX_EXPIRY_S) throw new TypeError('expiresAt is in milliseconds: it must be unix seconds.');
  return seconds;
}
