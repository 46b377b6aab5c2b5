import { randomUUID } from 'node:crypto';
import { errors } from '../../errors.ts';
import { CHECK_FOLDER } from '../shared/check.ts';
import type { StoredObject, WriteCondition } from '../store.ts';
import { headersOf, isSuccess, refused } from './replies.ts';
import { type S3Reply, type S3Requests, WRITE_ID } from './requests.ts';

/**
 * How a bucket takes `If-Match` and `If-None-Match` on writes: with the ETag as it gave it, without its quotes (Ceph RGW 16
 * answers 412 to the quoted form), or not at all.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
export type Conditions = 'quoted' | 'unquoted' | 'ignored';

/** Statuses of a write whose condition does not hold, or that lost a race: 409 to AWS, 500 to Ceph RGW. */
const LOST = new Set([404, 409, 412, 500]);
/** Statuses of a store that does not know conditions on writes. */
const UNKNOWN = new Set([400, 501]);
/** More than the trial writes. */
const MAX_READ_BYTES = 1024;

export interface Trial {
  readonly conditions: Conditions;
  /** Whether objects may be read: one that is missing does not tell, where the credentials may list. */
  readonly reads: boolean;
  /** Whether objects may be deleted. */
  readonly deletes: boolean;
}

export interface ConditionalWrites {
  /** Tries the bucket with a key of its own, once; all callers share the outcome, and a failure is forgotten. */
  trial(): Promise<Trial>;
  /** `key`: with the store's prefix. */
  putIf(
    key: string,
    object: StoredObject,
    condition: WriteCondition,
    limit: AbortSignal,
  ): Promise<{ readonly etag: string } | 'conflict'>;
}

export interface ConditionalWritesOptions {
  readonly requests: S3Requests;
  /** Prefix of every key: empty, or ends with a slash. */
  readonly prefix: string;
  /** Limit of the trial in milliseconds. */
  readonly timeoutMs: number;
}

export function createConditionalWrites({ requests, prefix, timeoutMs }: ConditionalWritesOptions): ConditionalWrites {
  let running: Promise<Trial> | undefined;

  function trial(): Promise<Trial> {
    running ??= runTrial(AbortSignal.timeout(timeoutMs)).catch((error) => {
      running = undefined;
      throw error;
    });
    return running;
  }

  async function runTrial(limit: AbortSignal): Promise<Trial> {
    const key = `${prefix}${CHECK_FOLDER}${randomUUID()}`;
    const put = (headers: Record<string, string>) =>
      requests.send({ method: 'PUT', key, headers, body: Buffer.from('darkroom') }, limit);
    const takes = async (headers: Record<string, string>) => {
      const reply = await put(headers);
      if (!isSuccess(reply) && !LOST.has(reply.status) && !UNKNOWN.has(reply.status)) throw refused(reply);
      return isSuccess(reply);
    };
    async function howTaken(etag: string | undefined): Promise<Conditions> {
      if (etag === undefined || (await takes({ 'if-none-match': '*' }))) return 'ignored';
      if (await takes({ 'if-match': `"${'0'.repeat(32)}"` })) return 'ignored';
      if (await takes({ 'if-match': etag })) return 'quoted';
      return (await takes({ 'if-match': unquoted(etag) })) ? 'unquoted' : 'ignored';
    }

    let created = await put({ 'if-none-match': '*' });
    const knows = !UNKNOWN.has(created.status);
    if (!knows) created = await put({});
    if (!isSuccess(created)) throw refused(created);
    const conditions = knows ? await howTaken(created.headers.etag) : 'ignored';
    const read = await requests.send({ method: 'GET', key, limits: { maxBytes: MAX_READ_BYTES } }, limit);
    if (!isSuccess(read) && read.status !== 403) throw refused(read);
    const deletes = isSuccess(await requests.send({ method: 'DELETE', key }, limit));
    return { conditions, reads: isSuccess(read), deletes };
  }

  return {
    trial,
    async putIf(key, object, condition, limit) {
      const { conditions: how } = await trial();
      // Better than nothing: two machines may still write between this look and the write.
      if (how === 'ignored' && !holds(condition, await requests.send({ method: 'HEAD', key }, limit)))
        return 'conflict';
      const id = randomUUID();
      const headers = {
        ...{ ...headersOf(object), [WRITE_ID]: id },
        ...(how === 'ignored' ? {} : conditionHeaders(condition, how)),
      };
      const reply = await requests.send({ method: 'PUT', key, headers, body: object.body }, limit);
      if (isSuccess(reply)) return { etag: etagOf(reply) };
      if (!LOST.has(reply.status) || reply.code === 'NoSuchBucket') throw refused(reply);
      if (reply.sends === 1 && reply.status !== 500) return 'conflict';
      // Sent again, or of unknown outcome: the write may have met its own success (RFC 9110, 13.1.1). Bytes would not tell,
      // because another writer may write the same.
      const now = await requests.send({ method: 'HEAD', key }, limit);
      if (isSuccess(now) && now.headers[WRITE_ID] === id) return { etag: etagOf(now) };
      if (reply.status === 500 && holds(condition, now)) throw refused(reply);
      return 'conflict';
    },
  };
}

function holds(condition: WriteCondition, { status, headers }: S3Reply): boolean {
  return condition === 'absent' ? status === 404 : status === 200 && headers.etag === condition.etag;
}

function etagOf({ headers }: S3Reply): string {
  if (headers.etag === undefined) throw errors.storeFailed(new Error('S3 gives no ETag'));
  return headers.etag;
}

function conditionHeaders(condition: WriteCondition, how: Conditions): Record<string, string> {
  if (condition === 'absent') return { 'if-none-match': '*' };
  return { 'if-match': how === 'unquoted' ? unquoted(condition.etag) : condition.etag };
}

const unquoted = (etag: string) => etag.replace(/^"(.*)"$/, '$1');
