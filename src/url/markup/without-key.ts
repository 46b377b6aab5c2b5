/** What bundlers for browsers take in place of the signers and the verifier: importing it is harmless, using it says what to do. */
export { formatImagePath } from '../image-path.ts';
export { toHtml } from './html.ts';

const SENTENCE =
  '@darkroom-images/url: the signing key must not reach a browser: use /client, which makes markup from one signed URL (in workers: /edge).';

function refuse(): never {
  throw new Error(SENTENCE);
}

/** Throws when something is to be signed, not when a module is loaded, so that a page does not stay blank. */
export function createImageUrls(options?: { readonly key?: unknown }) {
  if (options?.key) console.error(SENTENCE);
  return { url: refuse, srcset: refuse, img: refuse, picture: refuse };
}

export function createSigner(options?: { readonly key?: unknown }) {
  return { url: createImageUrls(options).url };
}

export function createVerifier(options?: { readonly keys?: unknown }) {
  if (options?.keys) console.error(SENTENCE);
  return refuse;
}
