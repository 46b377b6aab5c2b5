import type { GetObjectCommandOutput, S3Client } from '@aws-sdk/client-s3';
import { bounded, readBody } from '../shared/time-limit.ts';
import type { BodyLimits, ObjectStore, StoredObject } from '../store.ts';
import { assertUnencoded, createS3Reader } from './s3-reader.ts';
import type { Credentials } from './sigv4.ts';

export interface S3StoreOptions {
  readonly bucket: string;
  /** Prefix of every key: empty, or ends with a slash. */
  readonly prefix: string;
  readonly region: string;
  readonly endpoint: string | undefined;
  /** The bucket's name is in the path instead of the host name. */
  readonly pathStyle: boolean;
  /** Limit of one call in milliseconds, retries and body included. */
  readonly timeoutMs: number;
  readonly maxSockets?: number;
  /** Default: the SDK's own chain of providers. */
  readonly credentials?: Credentials | undefined;
  /** See `S3Environment`. */
  readonly endpointElsewhere?: boolean;
}

const CONNECT_TIMEOUT_MS = 1000;
const KEEP_ALIVE_MS = 60_000;
/** Every call is safe to repeat and may be tried once more. */
const MAX_ATTEMPTS = 2;
const DELETES_AT_A_TIME = 16;

type Sdk = typeof import('@aws-sdk/client-s3');

/**
 * Objects in an S3 bucket (https://docs.aws.amazon.com/AmazonS3/latest/API/). Reads do without the SDK (s3-reader.ts), which
 * is loaded for the first write: importing it takes 100 ms.
 */
export function createS3Store(options: S3StoreOptions): ObjectStore {
  const { bucket, prefix, timeoutMs } = options;
  let connecting: Promise<{ sdk: Sdk; client: S3Client }> | undefined;

  const reader = createS3Reader({
    ...options,
    async credentials() {
      if (options.credentials) return options.credentials;
      connecting ??= connect(options);
      return (await connecting).client.config.credentials();
    },
  });

  /** One call with its own time limit. Undefined for `NoSuchKey`; `NoSuchBucket` is a failure. */
  async function call<T>(
    key: string,
    signal: AbortSignal,
    work: (target: Target) => Promise<T>,
  ): Promise<T | undefined> {
    return bounded(signal, timeoutMs, async (limit) => {
      connecting ??= connect(options);
      const { sdk, client } = await connecting;
      try {
        return await work({ sdk, client, limit, object: { Bucket: bucket, Key: prefix + key } });
      } catch (error) {
        if (error instanceof Error && (error.name === 'NoSuchKey' || error.name === 'NotFound')) return undefined;
        throw error;
      }
    });
  }

  const store: ObjectStore = {
    get: (key, { signal, ...limits }) => {
      if (reader) return bounded(signal, timeoutMs, (limit) => reader.get(prefix + key, limits, limit));
      return call(key, signal, async ({ sdk, client, limit, object }) => {
        const output = await client.send(new sdk.GetObjectCommand(object), { abortSignal: limit });
        return { ...described(output), body: await bodyOf(output, limits, limit) };
      });
    },

    async put(key, { body, contentType, cacheControl, metadata }, { signal }) {
      await call(key, signal, ({ sdk, client, limit, object }) => {
        const input = {
          ...object,
          Body: body,
          ContentLength: body.length,
          ContentType: contentType,
          CacheControl: cacheControl,
          Metadata: { ...metadata },
        };
        return client.send(new sdk.PutObjectCommand(input), { abortSignal: limit });
      });
    },

    async delete(key, { signal }) {
      await call(key, signal, ({ sdk, client, limit, object }) =>
        client.send(new sdk.DeleteObjectCommand(object), { abortSignal: limit }),
      );
    },

    async deleteAll(folder, { signal }) {
      let deleted = 0;
      // Always from the beginning: the objects of the last page are gone, and no token can be lost.
      for (;;) {
        const page = await call(`${folder}/`, signal, ({ sdk, client, limit, object: { Bucket, Key } }) =>
          client.send(new sdk.ListObjectsV2Command({ Bucket, Prefix: Key }), { abortSignal: limit }),
        );
        const keys = (page?.Contents ?? []).flatMap(({ Key }) => Key?.slice(prefix.length) ?? []);
        if (keys.length === 0) return deleted;
        deleted += keys.length;
        // One by one, because S3-compatible stores differ in the checksum that they want with the batch call.
        const next = async () => {
          for (let key = keys.pop(); key !== undefined; key = keys.pop()) await store.delete(key, { signal });
        };
        await Promise.all(Array.from({ length: DELETES_AT_A_TIME }, next));
      }
    },

    connect() {
      void reader?.connect();
    },

    async close() {
      const connected = await connecting?.catch(() => undefined);
      connected?.client.destroy();
      await reader?.close();
    },
  };
  return store;
}

interface Target {
  readonly sdk: Sdk;
  readonly client: S3Client;
  readonly limit: AbortSignal;
  readonly object: { readonly Bucket: string; readonly Key: string };
}

async function connect({ region, endpoint, pathStyle, timeoutMs, maxSockets = 50 }: S3StoreOptions) {
  const [sdk, { NodeHttpHandler }, https, http] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('@smithy/node-http-handler'),
    import('node:https'),
    import('node:http'),
  ]);
  const agent = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS, maxSockets };
  const client = new sdk.S3Client({
    region,
    ...(endpoint ? { endpoint } : {}),
    forcePathStyle: pathStyle,
    maxAttempts: MAX_ATTEMPTS,
    // The default adds checksums that S3-compatible stores refuse.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: new NodeHttpHandler({
      connectionTimeout: Math.min(CONNECT_TIMEOUT_MS, timeoutMs),
      // `requestTimeout` only warns by itself and does not notice a body that stalls; `socketTimeout` does.
      requestTimeout: timeoutMs,
      throwOnRequestTimeout: true,
      socketTimeout: timeoutMs,
      httpsAgent: new https.Agent(agent),
      httpAgent: new http.Agent(agent),
    }),
  });
  return { sdk, client };
}

function described({ ContentType, CacheControl, Metadata }: GetObjectCommandOutput): Omit<StoredObject, 'body'> {
  return { contentType: ContentType, cacheControl: CacheControl, metadata: Metadata ?? {} };
}

/** Reads the body to its end or destroys it: an unread body would hold its socket for ever. */
async function bodyOf(output: GetObjectCommandOutput, limits: BodyLimits, limit: AbortSignal): Promise<Buffer> {
  const { Body: stream, ContentLength: announced, ContentEncoding: encoding = '' } = output;
  const body = stream as import('node:stream').Readable;
  try {
    assertUnencoded(encoding);
    return await readBody(body, announced, limits, limit);
  } finally {
    body.destroy();
  }
}
