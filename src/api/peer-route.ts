import type { FastifyInstance } from 'fastify';
import { errors } from '../errors.ts';
import type { OriginalRecords } from '../originals/records/records.ts';
import { isFromPeer, PEER_HEADER, PEER_PATH } from './peers.ts';
import { parsed, peerMessage } from './schemas.ts';

export interface PeerRouteDeps {
  readonly records: OriginalRecords;
  readonly signingKey: Uint8Array;
}

/** Another machine began a new epoch: this one forgets what it holds, and passes nothing on. */
export function registerPeerRoute(app: FastifyInstance, { records, signingKey }: PeerRouteDeps): void {
  // As text, because the signature is over the bytes as they came.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => done(null, body));

  app.post(PEER_PATH, async (request, reply) => {
    reply.header('cache-control', 'no-store');
    const text = typeof request.body === 'string' ? request.body : '';
    const signature = request.headers[PEER_HEADER];
    if (!isFromPeer(text, typeof signature === 'string' ? signature : undefined, signingKey)) throw errors.forbidden();
    request.requestContext.outcome = 'peer';
    const told = parsed(peerMessage, jsonOf(text));
    if ('prefix' in told) records.distrustAll();
    else for (const id of told.ids) records.distrust(id);
    return { forgotten: true };
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw errors.badRequest('The body is no JSON.');
  }
}
