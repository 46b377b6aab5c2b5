import type { FastifyInstance } from 'fastify';
import { DarkroomError, errors } from '../../errors.ts';
import { checkedId } from '../../url/image-url.ts';
import type { ImageReport } from '../meta/image-meta.ts';
import { sendFailedSteps } from '../purge-routes.ts';
import { parsed } from '../schemas.ts';
import { editPatch } from './edit-fields.ts';
import type { Edits } from './edits.ts';

export interface EditRoutesDeps {
  /** Undefined with `DARKROOM_RESULTS=none`: then there is no record that would outlive this process. */
  readonly edits: Edits | undefined;
  readonly imageMeta: (ids: readonly string[], signal: AbortSignal) => Promise<ImageReport[]>;
}

/** The longest that a call may take in milliseconds. */
const READ_TIMEOUT_MS = 20_000;
const PATCH_TIMEOUT_MS = 60_000;
/** RFC 7396. The other one is what most clients send. */
const MERGE_PATCH = 'application/merge-patch+json';
const ACCEPTED = `${MERGE_PATCH}, application/json`;

/** One original: what is known of it, and the edit that all its renditions follow. */
export function registerEditRoutes(app: FastifyInstance, { edits, imageMeta }: EditRoutesDeps): void {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser<string>(MERGE_PATCH, { parseAs: 'string' }, parseJson);

  app.get<{ Params: { id: string } }>('/v1/images/:id', async (request, reply) => {
    const id = checkedId(request.params.id);
    Object.assign(request.requestContext, { id, outcome: 'meta' });
    const signal = AbortSignal.timeout(READ_TIMEOUT_MS);
    // First, and from the store: another machine may have edited it a moment ago.
    const state = await edits?.of(id, signal);
    const [report] = await imageMeta([id], signal);
    if (!report) throw errors.originalNotFound();
    if ('error' in report) {
      const { error, message, id: _, ...refusal } = report;
      throw new DarkroomError(
        error,
        message,
        refusal.reason ? { refusal: { ...refusal, reason: refusal.reason } } : {},
      );
    }
    if (state) reply.headers({ etag: state.etag, 'accept-patch': ACCEPTED });
    return report;
  });

  app.patch<{ Params: { id: string } }>('/v1/images/:id', async (request, reply) => {
    const id = checkedId(request.params.id);
    Object.assign(request.requestContext, { id, outcome: 'edit' });
    if (!edits)
      throw errors.badRequest('Edits are kept in the result store, and this server has none: set DARKROOM_RESULTS.');
    const { body, headers } = request;
    if (typeof body !== 'object' || body === null) throw errors.badRequest('body: expected an object');
    const patch = parsed(editPatch, body);
    const signal = AbortSignal.timeout(PATCH_TIMEOUT_MS);
    const { etag, purged, edit = {}, alt, v } = await edits.patch(id, patch, headers['if-match'], signal);
    const { cdn = 'none', machines = { told: 0, failed: 0 }, failed = [] } = purged ?? {};
    const answer = { id, v, edit, ...(alt === undefined ? {} : { alt }), machines, cdn, failed };
    reply.headers({ etag, 'accept-patch': ACCEPTED });
    if (failed.length === 0) return answer;
    return sendFailedSteps(reply, answer, 'The edit holds');
  });
}
