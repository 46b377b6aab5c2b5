import { createHmac } from 'node:crypto';
import type { Readable } from 'node:stream';
import { errors } from '../../errors.ts';
import type { ObjectReceiver } from '../../stores/object-receiver.ts';
import { sameText } from '../../url/same-text.ts';
import { exactBody } from './upload-body.ts';
import type { UploadTarget, UploadTerms } from './upload-target.ts';

export interface FolderUploads extends UploadTarget {
  /** The terms of a ticket. Throws `forbidden` for a ticket that this server did not sign, and `expired`. */
  terms(ticket: string): UploadTerms;
  /**
   * Streams a body into the folder. Before it is read, throws `upload_under_way` where another upload with the same ticket is not
   * finished, `already_exists`, and `busy` where too many uploads are under way. Then `bad_request` for another length or a
   * body that is cut off, the signal's reason, and the store's errors; nothing is stored then.
   */
  receive(terms: UploadTerms, body: Readable, signal: AbortSignal): Promise<void>;
}

export interface FolderUploadsOptions {
  readonly receiver: ObjectReceiver;
  readonly signingKey: Uint8Array;
  /** Memory that the buffers of all uploads may take together, in bytes. */
  readonly maxBytes: number;
}

/** Path below which this server takes uploads to its own folder. */
export const UPLOAD_PATH = '/v1/uploads/';
/** Of one upload: Node's buffer of a request (64 KiB and a chunk), the chunk that is being written, and the socket's own. */
export const BYTES_PER_UPLOAD = 256 * 1024;
const RETRY_AFTER_S = 5;

/** Uploads to this server for originals in a folder, under the rules that a bucket enforces for presigned URLs. */
export function createFolderUploads({ receiver, signingKey, maxBytes }: FolderUploadsOptions): FolderUploads {
  const maxUnderWay = Math.max(1, Math.floor(maxBytes / BYTES_PER_UPLOAD));
  /** Keys of the uploads under way: one at a time for a ticket, or its holder could fill memory and disk by itself. */
  const underWay = new Set<string>();
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

    async receive({ key, contentType, size }, body, signal) {
      if (underWay.has(key)) throw errors.uploadUnderWay();
      if (underWay.size >= maxUnderWay) throw errors.busy(RETRY_AFTER_S);
      underWay.add(key);
      try {
        const stored = await receiver.receive(key, exactBody(body, size, signal), { contentType, signal });
        if (!stored) throw errors.alreadyExists();
      } finally {
        underWay.delete(key);
      }
    },
  };
}
