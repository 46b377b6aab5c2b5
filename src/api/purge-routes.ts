import type { FastifyInstance, FastifyReply } from 'fastify';
import { errors } from '../errors.ts';
import { checkedId } from '../url/image-url.ts';
import type { BulkPurge } from './bulk-purge.ts';
import type { Purge } from './purge.ts';
import type { PurgeJob, PurgeJobs } from './purge-jobs.ts';
import { bulkPurgeRequest, parsed, purgeQuery } from './schemas.ts';

export interface PurgeRoutesDeps {
  readonly purge: Purge;
  /** Undefined with `DARKROOM_RESULTS=none`: then there is no store in which a job could outlive its request. */
  readonly bulk: { readonly purges: BulkPurge; readonly jobs: PurgeJobs } | undefined;
}

/** The longest that a call may take in milliseconds; a step that is not done by then is reported as failed. */
const PURGE_TIMEOUT_MS = 60_000;
const JOB_TIMEOUT_MS = 20_000;
/** 1,000 ids of 512 bytes, and what JSON adds to them. */
const MAX_BODY_BYTES = 1024 * 1024;

/** Takes images down: one at once, many by a job with a status. */
export function registerPurgeRoutes(app: FastifyInstance, { purge, bulk }: PurgeRoutesDeps): void {
  app.delete<{ Params: { id: string } }>('/v1/images/:id', async (request, reply) => {
    const { original } = parsed(purgeQuery, request.query);
    const id = checkedId(request.params.id);
    request.requestContext.id = id;
    const options = { original: original === 'true', again: true };
    const report = await purge(id, options, AbortSignal.timeout(PURGE_TIMEOUT_MS));
    request.requestContext.outcome = 'purge';
    if (report.failed.length === 0) return report;
    return sendFailedSteps(reply, report);
  });

  app.post('/v1/purge', { bodyLimit: MAX_BODY_BYTES }, async (request, reply) => {
    const { ids, prefix = '', dryRun } = parsed(bulkPurgeRequest, request.body);
    if (!bulk) throw errors.badRequest('Jobs need a result store: purge each image by DELETE /v1/images/<id>.');
    const { jobs, purges } = bulk;
    const signal = AbortSignal.timeout(JOB_TIMEOUT_MS);
    request.requestContext.outcome = 'purge';
    if (ids) {
      for (const id of ids) checkedId(id);
      return accepted(await jobs.submit({ kind: 'ids', ids: [...new Set(ids)] }, 0, signal));
    }
    checkedId(prefix.slice(0, -1));
    if (dryRun) return { prefix, count: await purges.count(prefix, signal) };
    // The job first: if this machine stops right after the new epoch began, another one removes what is stored.
    const job = await jobs.submit({ kind: 'prefix', prefix, again: false }, 0, signal);
    await purges.begin(prefix, signal);
    return accepted(job);

    function accepted(job: PurgeJob) {
      return reply.code(202).header('location', `/v1/purge/${job.id}`).send(statusOf(job));
    }
  });

  app.get<{ Params: { job: string } }>('/v1/purge/:job', async (request) => {
    const { job: id } = request.params;
    request.requestContext.outcome = 'purge';
    const job = /^[0-9a-f]{32}$/.test(id) ? await bulk?.jobs.find(id, AbortSignal.timeout(JOB_TIMEOUT_MS)) : undefined;
    if (!job) throw errors.notFound();
    return statusOf(job);
  });
}

function statusOf({ id, task, status, done, failed, createdAt }: PurgeJob) {
  const what = task.kind === 'prefix' ? { prefix: task.prefix } : {};
  const total = task.kind === 'ids' ? { total: task.ids.length } : {};
  return { job: id, ...what, ...total, status, done, failed, createdAt: new Date(createdAt).toISOString() };
}

/** Answers a call of which some steps failed: `store_failed`, with what was done, so that it can be repeated. `held`: what holds all the same. */
export function sendFailedSteps(
  reply: FastifyReply,
  report: { readonly failed: readonly string[] },
  held = '',
): FastifyReply {
  const { code, status } = errors.storeFailed(undefined);
  reply.request.requestContext.outcome = code;
  const some = held === '' ? 'Some' : `${held}, but some`;
  const message = `${some} steps failed, so call again: ${report.failed.join(', ')}.`;
  return reply
    .code(status)
    .header('x-error', code)
    .send({ error: code, message, requestId: reply.request.id, ...report });
}
