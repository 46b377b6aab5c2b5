/**
 * Checks signed image URLs before they reach the server, by Web Crypto alone, for edge runtimes and Node:
 * `import { createVerifier } from '@darkroom-images/url/verify'`.
 */
import { keyBytes } from './family.ts';
import { signedText } from './image-path.ts';
import { type ImageUrl, MalformedUrl, parseImagePath } from './parse-image-path.ts';
import { createWebMac } from './web-mac.ts';

export { formatImagePath } from './image-path.ts';
export type { ImageUrl } from './parse-image-path.ts';

export interface VerifierOptions {
  /** The server's signing keys, hex or bytes, at least one. Any of them may have signed. */
  readonly keys: readonly (string | Uint8Array)[];
  /** The server's `DARKROOM_PATH_PREFIX`, such as `/images`. */
  readonly pathPrefix?: string;
}

/** Status, code and message as in the server's own answer. */
export interface Refusal {
  readonly ok: false;
  readonly status: 400 | 403 | 404 | 410;
  readonly error: 'bad_request' | 'not_found' | 'bad_signature' | 'expired';
  readonly message: string;
}
export type Verdict = { readonly ok: true; readonly url: ImageUrl } | Refusal;

/** Gives for a URL or path the server's answer up to the preset and the store. Throws a TypeError for bad keys. */
export function createVerifier({ keys, pathPrefix = '' }: VerifierOptions): (target: string) => Promise<Verdict> {
  if (keys.length === 0) throw new TypeError('At least one signing key is needed.');
  const signers = keys.map((key) => createWebMac(keyBytes(key)));

  async function isSigned({ signature, preset, id, ...parameters }: ImageUrl): Promise<boolean> {
    const text = signedText(preset, id, parameters);
    const right = await Promise.all(signers.map((sign) => sign(text)));
    return right.some((expected) => isSameText(signature, expected));
  }

  return async (target) => {
    const read = readImageUrl(target, pathPrefix);
    if (!read.ok) return read;
    const { expiresAt } = read.url;
    // In the server's order: a client with a forged URL does not learn whether it has expired.
    if (!(await isSigned(read.url)))
      return refusal(403, 'bad_signature', 'The signature is missing or does not match this URL.');
    if (expiresAt !== undefined && expiresAt <= Date.now() / 1000)
      return refusal(410, 'expired', 'This URL has expired.');
    return read;
  };
}

function readImageUrl(target: string, prefix: string): Verdict {
  try {
    return { ok: true, url: parseImagePath(target, prefix) };
  } catch (error) {
    if (!(error instanceof MalformedUrl)) throw error;
    return refusal(error.code === 'not_found' ? 404 : 400, error.code, error.message);
  }
}

function refusal(status: Refusal['status'], error: Refusal['error'], message: string): Refusal {
  return { ok: false, status, error, message };
}

/**
 * In a time that does not depend on where the texts differ; their lengths are no secret. `crypto.subtle.verify` takes no
 * shortened MAC, and `timingSafeEqual` (same-text.ts) is Node's.
 */
function isSameText(given: string, expected: string): boolean {
  let different = given.length ^ expected.length;
  for (let at = 0; at < expected.length; at += 1) different |= given.charCodeAt(at) ^ expected.charCodeAt(at);
  return different === 0;
}
