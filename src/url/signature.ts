import { createHmac, createSecretKey } from 'node:crypto';
import { SIGNATURE_BYTES, type SignedParameters, signedText } from './image-path.ts';
import { sameText } from './same-text.ts';

/** The parts that a signature covers. The suffix is left out, so that one signature serves a preset's whole family. */
export interface SignedParts extends SignedParameters {
  readonly preset: string;
  readonly id: string;
}

export interface Signatures {
  /** base64url without padding, 22 characters, by the first key. */
  sign(parts: SignedParts): string;
  /** True when any of the keys made this signature. The time does not depend on where the first wrong byte stands. */
  verify(signature: string, parts: SignedParts): boolean;
}

/** Signs with the first key and verifies with all, so that keys can be rotated. Keys: raw bytes, at least one. */
export function createSignatures(keys: readonly Uint8Array[]): Signatures {
  const secrets = keys.map((key) => createSecretKey(key));
  const [signingSecret] = secrets;
  if (signingSecret === undefined) throw new TypeError('At least one signing key is needed.');

  const mac = (secret: typeof signingSecret, { preset, id, ...parameters }: SignedParts) =>
    createHmac('sha256', secret)
      .update(signedText(preset, id, parameters))
      .digest()
      .subarray(0, SIGNATURE_BYTES)
      .toString('base64url');

  return {
    sign: (parts) => mac(signingSecret, parts),
    // Text is compared, not decoded bytes: the last character carries four unused bits, and padding and the `+/`
    // alphabet decode to the same bytes, so decoding would let one URL be written in several ways.
    verify: (signature, parts) => secrets.some((secret) => sameText(signature, mac(secret, parts))),
  };
}
