import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { errors } from '../errors.ts';
import { checkedId } from '../url/image-url.ts';
import { sameText } from '../url/same-text.ts';
import { registerEditRoutes } from './edits/edit-routes.ts';
import type { Edits } from './edits/edits.ts';
import type { ImageReport, MetaOptions } from './meta/image-meta.ts';
import { openApi } from './openapi.ts';
import { registerPurgeRoutes } from './purge-routes.ts';
import type { Purges } from './purges.ts';
import { completeQuery, metaRequest, parsed, uploadRequest } from './schemas.ts';
import type { Uploads } from './uploads/uploads.ts';

export interface ApiDeps {
  readonly apiToken: string;
  readonly purges: Purges;
  /** Undefined with `DARKROOM_RESULTS=none`. */
  readonly edits: Edits | undefined;
  readonly imageMeta: (ids: readonly string[], signal: AbortSignal, options?: MetaOptions) => Promise<ImageReport[]>;
  /** Undefined where originals cannot be written: they lie at an HTTP origin. */
  readonly uploads: Uploads | undefined;
  readonly version: string;
}

/** The longest that a call may take in milliseconds. */
const META_TIMEOUT_MS = 20_000;
const COMPLETE_TIMEOUT_MS = 30_000;

/** The routes under /v1, for the shop's own servers: JSON in, JSON out, never cached. */
export function registerApi(app: FastifyInstance, deps: ApiDeps): void {
  const { apiToken, purges, edits, imageMeta, uploads, version } = deps;
  app.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store');
    const [, token] = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? '') ?? [];
    if (token === undefined) {
      reply.header('www-authenticate', 'Bearer');
      throw errors.unauthorized();
    }
    if (!sameText(digest(token), digest(apiToken))) throw errors.forbidden();
  });

  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    // Many clients name the type on every POST, on one without a body too; Fastify refuses those.
    if (body === '') done(null, undefined);
    else parseJson(request, body, done);
  });

  app.get('/v1/openapi.json', async () => openApi(version));

  app.post('/v1/images/meta', async (request) => {
    const { ids, exif } = parsed(metaRequest, request.body);
    for (const each of ids) checkedId(each);
    request.requestContext.outcome = 'meta';
    return { images: await imageMeta(ids, AbortSignal.timeout(META_TIMEOUT_MS), { exif }) };
  });

  if (uploads) {
    app.post('/v1/images/upload-url', async (request) => {
      request.requestContext.outcome = 'upload_url';
      return uploads.begin(parsed(uploadRequest, request.body), `${request.protocol}://${request.host}`);
    });

    app.post('/v1/images/:id/complete', async (request) => {
      const uploaded = checkedId((request.params as { id: string }).id);
      request.requestContext.id = uploaded;
      request.requestContext.outcome = 'upload_complete';
      const { exif } = parsed(completeQuery, request.query);
      return uploads.complete(uploaded, AbortSignal.timeout(COMPLETE_TIMEOUT_MS), { exif: exif === 'true' });
    });
  }

  registerPurgeRoutes(app, purges);
  // In a scope of its own, because no other route takes a merge patch.
  app.register(async (scope) => registerEditRoutes(scope, { edits, imageMeta }));
}

/** Digests are compared, so that the time does not tell the length of the token either. */
function digest(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}
