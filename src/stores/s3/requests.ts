import type { BodyLimits } from '../store.ts';

/** One request about one object. https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html */
export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE';
  /** With the store's prefix. */
  readonly key: string;
  /** Names in lower case. Of conditions, `if-match` and `if-none-match`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** Of the body of a GET that is answered 200. */
  readonly limits?: BodyLimits;
}

export interface S3Reply {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** S3's error code: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
  readonly code: string | undefined;
  readonly body: Buffer;
  /** How often the request was sent until this answer. A repeated write may have met its own success. */
  readonly sends: number;
}

/** Prefix of the headers that carry an object's own metadata. */
export const METADATA = 'x-amz-meta-';
/** Tells conditional writes apart; it is the store's own and no metadata of the object. */
export const WRITE_ID = `${METADATA}darkroom-write`;

/** Sends requests to one bucket, with retries. Two implementations: signed here, or by the SDK. */
export interface S3Requests {
  /** Resolves with any answer, also of errors. Throws when there is none, or for a body beyond its limits. */
  send(request: S3Request, limit: AbortSignal): Promise<S3Reply>;
  /** Opens a connection and waits until it can be used. Never throws. */
  connect(): Promise<void>;
  close(): Promise<void>;
}
