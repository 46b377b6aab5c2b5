import { createHmac } from 'node:crypto';
import { errors } from '../../errors.ts';
import type { ObjectStore } from '../../stores/store.ts';
import { sameText } from '../../url/same-text.ts';
import type { UploadTarget, UploadTerms } from './upload-target.ts';

export interface FolderUploads extends UploadTarget {
  /** The terms of a ticket. Throws `forbidden` for a ticket that this server did not sign, and `expired`. */
  terms(ticket: string): UploadTerms;
  /** Stores a body under its terms. Throws `bad_request` for another type or length, and `already_exists`. */
  receive(terms: UploadTerms, contentType: string | undefined, body: Buffer, signal: AbortSignal): Promise<void>;
}

/** Path below which this server takes uploads to its own folder. */
export const UPLOAD_PATH = '/v1/uploads/';

/** Uploads to this server for originals in a folder, under the rules that a bucket enforces for presigned URLs. */
export function createFolderUploads(originals: ObjectStore, signingKey: Uint8Array): FolderUploads {
  /** Keys that are being written, so that two uploads with one ticket do not both find no object. */
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
