import type { FastifyReply } from 'fastify';

/** Aborts when the client is gone before its answer was written: only the raw reply tells that reliably. */
export function untilClientLeaves(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  const onClose = () => {
    if (!reply.raw.writableFinished) gone.abort(new ClientGone());
  };
  if (reply.raw.destroyed) onClose();
  reply.raw.once('close', onClose);
  return gone.signal;
}

/** The client left: there is no request to answer. */
export class ClientGone extends Error {
  constructor() {
    super('the client left before its answer');
  }
}
