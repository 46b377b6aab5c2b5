import type { GetObjectCommandOutput, HeadObjectCommandOutput, S3Client } from '@aws-sdk/client-s3';
import { readBody } from '../shared/time-limit.ts';
import type { BodyLimits } from '../store.ts';
import type { BucketLocation } from './bucket-url.ts';
import { METADATA, type S3Reply, type S3Request, type S3Requests } from './requests.ts';
import { assertUnencoded } from './signed-requests.ts';
import type { Credentials } from './sigv4.ts';

export interface SdkOptions extends Omit<BucketLocation, 'endpointElsewhere'> {
  /** Limit of one call in milliseconds. */
  readonly timeoutMs: number;
  readonly maxSockets?: number;
  /** Default: the SDK's own chain of providers. */
  readonly credentials?: Credentials | undefined;
}

export interface Sdk {
  readonly commands: typeof import('@aws-sdk/client-s3');
  readonly client: S3Client;
}

const CONNECT_TIMEOUT_MS = 1000;
const KEEP_ALIVE_MS = 60_000;
/** Every call is safe to repeat and may be tried once more. */
const MAX_ATTEMPTS = 2;

/** Loads the SDK, which takes 100 ms of CPU. */
export async function loadSdk(options: SdkOptions): Promise<Sdk> {
  const { region, endpoint, pathStyle, timeoutMs, maxSockets = 50, credentials } = options;
  const [commands, { NodeHttpHandler }, https, http] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('@smithy/node-http-handler'),
    import('node:https'),
    import('node:http'),
  ]);
  const agent = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS, maxSockets };
  const client = new commands.S3Client({
    region,
    ...(endpoint ? { endpoint } : {}),
    ...(credentials ? { credentials: awsCredentials(credentials) } : {}),
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
  return { commands, client };
}

function awsCredentials({ accessKeyId, secretAccessKey, sessionToken }: Credentials) {
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

/** Requests by the SDK, for buckets whose host only the SDK can find. `sdk` loads it once and is not closed here. */
export function createSdkRequests(bucket: string, sdk: () => Promise<Sdk>): S3Requests {
  async function ask({ method, key, headers = {}, body, limits = { maxBytes: 0 } }: S3Request, limit: AbortSignal) {
    const { commands, client } = await sdk();
    const { 'if-match': IfMatch, 'if-none-match': IfNoneMatch, range } = headers;
    const object = {
      ...{ Bucket: bucket, Key: key },
      ...(IfMatch === undefined ? {} : { IfMatch }),
      ...(IfNoneMatch === undefined ? {} : { IfNoneMatch }),
    };
    const options = { abortSignal: limit };
    if (method === 'GET') {
      const output = await client.send(
        new commands.GetObjectCommand({ ...object, ...(range && { Range: range }) }),
        options,
      );
      return answered(output, headersOf(output), await bodyOf(output, limits, limit));
    }
    if (method === 'HEAD') {
      const output = await client.send(new commands.HeadObjectCommand(object), options);
      return answered(output, headersOf(output));
    }
    if (method === 'DELETE') return answered(await client.send(new commands.DeleteObjectCommand(object), options));
    const metadata = Object.entries(headers).filter(([name]) => name.startsWith(METADATA));
    const output = await client.send(
      new commands.PutObjectCommand({
        ...{ ...object, Body: body ?? '', ContentLength: body?.length ?? 0 },
        ...{ ContentType: headers['content-type'], CacheControl: headers['cache-control'] },
        Metadata: Object.fromEntries(metadata.map(([name, value]) => [name.slice(METADATA.length), value])),
      }),
      options,
    );
    return answered(output, { etag: output.ETag });
  }

  return {
    async send(request, limit) {
      try {
        return await ask(request, limit);
      } catch (error) {
        const { commands } = await sdk();
        if (!(error instanceof commands.S3ServiceException) || !error.$metadata.httpStatusCode) throw error;
        const { httpStatusCode: status, attempts: sends = 1 } = error.$metadata;
        return { status, headers: {}, code: error.name, body: Buffer.alloc(0), sends };
      }
    },
    async connect() {},
    async close() {},
  };
}

function answered(
  { $metadata }: { $metadata: { httpStatusCode?: number | undefined; attempts?: number | undefined } },
  headers: S3Reply['headers'] = {},
  body: Buffer = Buffer.alloc(0),
): S3Reply {
  return { status: $metadata.httpStatusCode ?? 200, headers, code: undefined, body, sends: $metadata.attempts ?? 1 };
}

function headersOf(output: GetObjectCommandOutput | HeadObjectCommandOutput): S3Reply['headers'] {
  const { ETag, LastModified, ContentLength, ContentType, CacheControl, Metadata = {} } = output;
  return {
    ...{ etag: ETag, 'last-modified': LastModified?.toUTCString(), 'content-length': ContentLength?.toString() },
    ...{ 'content-type': ContentType, 'cache-control': CacheControl },
    ...Object.fromEntries(Object.entries(Metadata).map(([name, value]) => [METADATA + name, value])),
  };
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
