/** The parts of an image URL, decoded. */
export interface ImagePathParts {
  readonly signature: string;
  readonly preset: string;
  readonly suffix: string;
  readonly id: string;
  /** Unix seconds. */
  readonly expiresAt: number | undefined;
}

/** The path that a signer publishes. Slashes of the id stand raw unless a CDN could collapse them. */
export function formatImagePath({ signature, preset, suffix, id, expiresAt }: ImagePathParts): string {
  const encoded = encodeURIComponent(id);
  const collapsible = id.split('/').includes('');
  const query = expiresAt === undefined ? '' : `?exp=${expiresAt}`;
  return `/${signature}/${preset}${suffix}/${collapsible ? encoded : encoded.replaceAll('%2F', '/')}${query}`;
}

/** The text that a signature covers, version 1. The suffix is left out. */
export function signedText(preset: string, id: string, expiresAt: number | undefined): string {
  return `darkroom:v1\n${preset}\n${id}\n${expiresAt ?? ''}`;
}

/** Of the HMAC's 32: 128 bits, 22 characters in the URL. */
export const SIGNATURE_BYTES = 16;
