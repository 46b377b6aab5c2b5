import type { FastifyInstance, FastifyRequest } from 'fastify';
import { errors } from '../../errors.ts';
import { type FolderUploads, UPLOAD_PATH } from './folder-upload-target.ts';
import { discardBody } from './upload-body.ts';

export interface UploadLimits {
  /** Largest upload in bytes. */
  readonly maxBytes: number;
  /** For the whole upload, in milliseconds. */
  readonly timeoutMs: number;
}

interface UploadRoute {
  Params: { ticket: string };
}

/** `PUT /v1/uploads/<ticket>`: browsers send it, so it has CORS and needs no token; the ticket is the permission. */
export function registerUploadRoute(app: FastifyInstance, uploads: FolderUploads, limits: UploadLimits): void {
  // The handler streams the body; the ticket's terms decide which content type is right.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, body, done) => done(null, body));

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

  app.put<UploadRoute>(`${UPLOAD_PATH}:ticket`, {
    config: { slowBody: true },
    handler: async (request, reply) => {
      reply.header('cache-control', 'no-store');
      const time = new AbortController();
      const timer = setTimeout(() => time.abort(errors.uploadTooSlow()), limits.timeoutMs).unref();
      try {
        await receive(request, time.signal);
      } catch (error) {
        // A connection is not kept for the rest of a body that went wrong.
        if (request.raw.readableDidRead) reply.header('connection', 'close');
        else discardBody(request.raw);
        throw error;
      } finally {
        clearTimeout(timer);
      }
      return reply.code(201).send();
    },
  });

  /** Throws for wrong headers before the body is read. */
  async function receive(
    { raw, headers, params, requestContext }: FastifyRequest<UploadRoute>,
    signal: AbortSignal,
  ): Promise<void> {
    const terms = uploads.terms(params.ticket);
    const { key, contentType, size } = terms;
    if (headers['content-type'] !== contentType) throw errors.badRequest(`The upload must be of type ${contentType}.`);
    if (Number(headers['content-length']) !== size) throw errors.badRequest(`The upload must have ${size} bytes.`);
    if (size > limits.maxBytes)
      throw errors.refusedTicket(`An upload has at most ${limits.maxBytes} bytes.`, {
        ...{ reason: 'too_large', limit: limits.maxBytes },
      });
    requestContext.id = key;
    requestContext.outcome = 'upload';
    await uploads.receive(terms, raw, signal);
  }
}
