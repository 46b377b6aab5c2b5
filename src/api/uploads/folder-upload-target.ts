import { createHmac } from 'node:crypto';
import { errors } from '../../errors.ts';
import type { ObjectStore } from '../../stores/store.ts';
import { sameText } from '../../url/same-text.ts';
import type { UploadTarget, UploadTerms } from './upload-target.ts';

export interface FolderUploads extends UploadTarget {
  /** The terms of a ticket. Throws `forbidden` for what this server did not sign, `expired`. */
  terms(ticket: string): UploadTerms;
  /** Keeps a body under its terms. Throws `bad_request` where it differs, `already_exists`. */
  receive(terms: UploadTerms, contentType: string | undefined, body: Buffer, signal: AbortSignal): Promise<void>;
}

/** Where this server takes originals for its own folder. */
export const UPLOAD_PATH = '/v1/uploads/';

/** For originals in a folder: PUTs to this server under the rules that a bucket would enforce. */
export function createFolderUploads(originals: ObjectStore, signingKey: Uint8Array): FolderUploads {
  /** Keys whose bodies are being written; two uploads with one ticket must not both find the place empty. */
  const arriving = new Set<string>();
  const mac = (payload: string) =>
    createHmac('sha256', signingKey).update(`darkroom:upload:v1\n${payload}`).digest('base64url');

  return {
    async ticket(terms, serverUrl) {
      const payload = Buffer.from(JSON.stringify(terms)).toString('base64url');
      const url = `${serverUrl}${UPLOAD_PATH}${payload}.${mac(payload)}`;
      return { url, headers: { 'content-type': terms.contentType, 'if-none-match': '*' } };
    },

    terms(ticket) {
      const [payload = '', given = '', ...more] = ticket.split('.');
      if (more.length > 0 || !sameText(given, mac(payload))) throw errors.uploadForbidden();
      const terms: UploadTerms = JSON.parse(Buffer.from(payload, 'base64url').toString());
      if (terms.expiresAt <= Date.now() / 1000) throw errors.expired();
      return terms;
    },

    async receive({ key, contentType, size }, givenType, body, signal) {
      if (givenType !== contentType) throw errors.badRequest(`The upload must be of type ${contentType}.`);
      if (body.length !== size) throw errors.badRequest(`The upload must have ${size} bytes, not ${body.length}.`);
      if (arriving.has(key)) throw errors.alreadyExists();
      arriving.add(key);
      try {
        const there = await originals.get(key, { signal, maxBytes: Number.MAX_SAFE_INTEGER });
        if (there) throw errors.alreadyExists();
        await originals.put(key, { body, contentType, cacheControl: undefined, metadata: {} }, { signal });
      } finally {
        arriving.delete(key);
      }
    },
  };
}
