import type { FastifyInstance } from 'fastify';
import { errors } from '../../errors.ts';
import { type FolderUploads, UPLOAD_PATH } from './folder-upload-target.ts';

const RECEIVE_TIMEOUT_MS = 30_000;

/** `PUT /v1/uploads/<ticket>`: browsers send it, so it has CORS and needs no token; the ticket is the permission. */
export function registerUploadRoute(app: FastifyInstance, uploads: FolderUploads, maxBytes: number): void {
  // Any content type is parsed: the ticket's terms decide which one is right.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  app.options(`${UPLOAD_PATH}:ticket`, async (_request, reply) =>
    reply
      .code(204)
      .headers({
        'access-control-allow-methods': 'PUT',
        'access-control-allow-headers': 'content-type, if-none-match',
        'access-control-max-age': '3600',
      })
      .send(),
  );

  app.put<{ Params: { ticket: string } }>(`${UPLOAD_PATH}:ticket`, {
    bodyLimit: maxBytes,
    config: { slowBody: true },
    // Refused before the body is read, because reading costs memory.
    onRequest: async (request, reply) => {
      reply.header('cache-control', 'no-store');
      const { size } = uploads.terms(request.params.ticket);
      const announced = Number(request.headers['content-length']);
      if (announced !== size) throw errors.badRequest(`The upload must have ${size} bytes.`);
    },
    handler: async (request, reply) => {
      const terms = uploads.terms(request.params.ticket);
      request.requestContext.id = terms.key;
      request.requestContext.outcome = 'upload';
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      await uploads.receive(terms, request.headers['content-type'], body, AbortSignal.timeout(RECEIVE_TIMEOUT_MS));
      return reply.code(201).send();
    },
  });
}
