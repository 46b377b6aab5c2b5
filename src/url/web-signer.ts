import { SIGNATURE_BYTES, type SignedParameters, signedText } from './image-path.ts';

/** Makes signatures by Web Crypto. The key is imported with the first one: edge runtimes allow that within requests only. */
export function createSigner(key: Uint8Array<ArrayBuffer>) {
  let imported: ReturnType<typeof crypto.subtle.importKey> | undefined;
  return async (preset: string, id: string, parameters: SignedParameters): Promise<string> => {
    imported ??= crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
    const text = new TextEncoder().encode(signedText(preset, id, parameters));
    const mac = new Uint8Array(await crypto.subtle.sign('HMAC', await imported, text), 0, SIGNATURE_BYTES);
    return btoa(String.fromCharCode(...mac))
      .replace(/=+$/, '')
      .replaceAll('+', '-')
      .replaceAll('/', '_');
  };
}
