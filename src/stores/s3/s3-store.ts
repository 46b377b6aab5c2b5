import { errors } from '../../errors.ts';
import { deleteListed } from '../shared/pages.ts';
import { bounded } from '../shared/time-limit.ts';
import { REFUSALS, versionOf, versionOfHead } from '../shared/version.ts';
import type { BodyLimits, ObjectStore, ObjectVersion, StoredObject } from '../store.ts';
import { createBucketCheck, isAccessDenied } from './bucket-check.ts';
import type { BucketLocation } from './bucket-url.ts';
import { createConditionalWrites } from './conditional-writes.ts';
import { listPages } from './list.ts';
import { describedBy, headersOf, isSuccess, refused } from './replies.ts';
import { createSdkRequests, loadSdk, type Sdk } from './sdk.ts';
import { createSignedRequests } from './signed-requests.ts';
import type { Credentials } from './sigv4.ts';

export interface S3StoreOptions extends BucketLocation {
  /** Prefix of every key: empty, or ends with a slash. */
  readonly prefix: string;
  /** Limit of one call in milliseconds, retries and body included. */
  readonly timeoutMs: number;
  readonly maxSockets?: number;
  /** Default: the SDK's own chain of providers. */
  readonly credentials?: Credentials | undefined;
  /**
   * What 403 AccessDenied to a GET means. 'if-seen-at-start': a missing object, where `check` saw that answer for a key that
   * does not exist, because the credentials lack s3:ListBucket; for originals. 'never' (default): a failure, and `check` says
   * that the permission is lacking.
   */
  readonly missingIsForbidden?: 'never' | 'if-seen-at-start';
  /** Whether `check` also writes and deletes an object of its own. Default: false. */
  readonly checkWrites?: boolean;
}

/**
 * Objects in an S3 bucket (https://docs.aws.amazon.com/AmazonS3/latest/API/). The SDK is loaded for lists only, for
 * credentials that are not in the environment, and for buckets whose host only the SDK can find.
 */
export function createS3Store(options: S3StoreOptions): ObjectStore {
  const { bucket, prefix, timeoutMs } = options;
  let loading: Promise<Sdk> | undefined;
  const sdk = () => {
    loading ??= loadSdk(options);
    return loading;
  };
  const requests =
    createSignedRequests({
      ...options,
      credentials: async () => options.credentials ?? (await sdk()).client.config.credentials(),
    }) ?? createSdkRequests(bucket, sdk);

  /** `key`: with the prefix. */
  async function read(
    key: string,
    limits: BodyLimits,
    limit: AbortSignal,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<StoredObject | 'unchanged' | undefined> {
    const reply = await requests.send({ method: 'GET', key, headers, limits }, limit);
    if (reply.status === 304) return 'unchanged';
    if (reply.status === 404 && reply.code === 'NoSuchKey') return undefined;
    if (isAccessDenied(reply) && (await check.deniesMissing())) return undefined;
    if (reply.status !== 200) throw refused(reply);
    return { ...describedBy(reply), body: reply.body, version: versionOf(reply.headers, reply.body.length) };
  }

  /** `key`: with the prefix. */
  async function head(key: string, limit: AbortSignal): Promise<ObjectVersion | 'missing' | 'unknown'> {
    const reply = await requests.send({ method: 'HEAD', key }, limit);
    if (reply.status === 200) return versionOfHead(reply.headers);
    if (REFUSALS.has(reply.status)) return 'unknown';
    if (reply.status !== 404) throw refused(reply);
    // A HEAD has no body to tell a missing key from a missing bucket.
    const first = { headers: { range: 'bytes=0-0' }, limits: { maxBytes: 1 } };
    const told = await requests.send({ method: 'GET', key, ...first }, limit);
    if (told.status === 404 && told.code === 'NoSuchKey') return 'missing';
    if (told.status === 404) throw refused(told);
    return 'unknown';
  }

  const writes = createConditionalWrites({ requests, prefix, timeoutMs });
  const check = createBucketCheck({
    ...{ requests, writes, bucket, prefix, timeoutMs },
    host: options.endpoint === undefined ? `AWS, ${options.region}` : new URL(options.endpoint).host,
    missingIsForbidden: options.missingIsForbidden ?? 'never',
    checkWrites: options.checkWrites ?? false,
  });

  const store: ObjectStore = {
    get: (key, { signal, ...limits }) =>
      bounded(signal, timeoutMs, async (limit) => {
        const object = await read(prefix + key, limits, limit);
        if (object === 'unchanged') throw errors.storeFailed(new Error('S3 answered 304 to an unconditional GET'));
        return object;
      }),

    getIfChanged: (key, etag, { signal, ...limits }) =>
      bounded(signal, timeoutMs, async (limit) => {
        const object = await read(prefix + key, limits, limit, { 'if-none-match': etag });
        // A store may ignore the condition.
        return object !== 'unchanged' && object?.version?.etag === etag ? 'unchanged' : object;
      }),

    head: (key, { signal }) => bounded(signal, timeoutMs, (limit) => head(prefix + key, limit)),

    async put(key, object, { signal }) {
      await bounded(signal, timeoutMs, async (limit) => {
        const request = { method: 'PUT', key: prefix + key, headers: headersOf(object), body: object.body } as const;
        const reply = await requests.send(request, limit);
        if (!isSuccess(reply)) throw refused(reply);
      });
    },

    putIf: (key, object, condition, { signal }) =>
      bounded(signal, timeoutMs, (limit) => writes.putIf(prefix + key, object, condition, limit)),

    async delete(key, { signal }) {
      await bounded(signal, timeoutMs, async (limit) => {
        const reply = await requests.send({ method: 'DELETE', key: prefix + key }, limit);
        if (!isSuccess(reply) && reply.code !== 'NoSuchKey') throw refused(reply);
      });
    },

    async *list(begin, { signal }) {
      const pages = listPages(sdk, bucket, prefix + begin, { signal, timeoutMs });
      for await (const keys of pages) yield keys.map((key) => key.slice(prefix.length));
    },

    // One by one, because S3-compatible stores differ in the checksum that they want with the batch call.
    deleteAll: (folder, limits) => deleteListed(store, folder, limits),

    check: ({ signal }) => check.run(signal),

    connect() {
      void requests.connect();
    },

    async close() {
      const loaded = await loading?.catch(() => undefined);
      loaded?.client.destroy();
      await requests.close();
    },
  };
  return store;
}
