import { SIGNATURE_BYTES } from './image-path.ts';

/** Makes signatures by Web Crypto. The key is imported with the first one: edge runtimes allow that within requests only. */
export function createWebMac(key: Uint8Array<ArrayBuffer>) {
  let imported: ReturnType<typeof crypto.subtle.importKey> | undefined;
  return async (text: string): Promise<string> => {
    imported ??= crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
    const mac = new Uint8Array(
      await crypto.subtle.sign('HMAC', await imported, new TextEncoder().encode(text)),
      0,
      SIGNATURE_BYTES,
    );
    // 16 bytes are 22 characters and two of padding.
    return btoa(String.fromCharCode(...mac))
      .slice(0, -2)
      .replaceAll('+', '-')
      .replaceAll('/', '_');
  };
}
