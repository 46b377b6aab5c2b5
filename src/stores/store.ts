/**
 * The contract of every store, in words. Three adapters keep it (folder, S3, HTTP origin) and one suite checks all:
 * test/stores/conformance.ts.
 *
 * Keys are Unicode strings of up to 1,024 UTF-8 bytes with `/` between segments. A store takes them literally: it
 * decodes nothing, normalises nothing, and two different keys never name the same object.
 *
 * Errors: what is missing is `undefined`, never an exception. `store_failed` for whatever the store did wrong or for a
 * store that cannot be reached, `store_timeout` when the adapter's own time limit for the whole call (body included)
 * ran out, `original_too_large` when a body exceeds `maxBytes`. When the caller's signal aborts, the call ends at once
 * with the signal's reason. No call leaves a socket, a file handle or a temporary file behind.
 */

/** Small strings that travel with an object: names match [a-z0-9-]+, values are printable ASCII, 1 KiB in all. */
export type ObjectMetadata = Readonly<Record<string, string>>;

/** One object, whole in memory: bodies are Buffers because a half-read stream cannot be retried or shared. */
export interface StoredObject {
  readonly body: Buffer;
  /** As the writer declared it. For originals this is a claim by a stranger and is never trusted. */
  readonly contentType: string | undefined;
  readonly cacheControl: string | undefined;
  readonly metadata: ObjectMetadata;
  /** Set by reads; ignored by writes. */
  readonly version?: ObjectVersion;
}

/** What a store says of one version of an object. */
export interface ObjectVersion {
  /** As the store gives it, quotes and W/ included; undefined where it gives none. */
  readonly etag: string | undefined;
  readonly bytes: number;
  /** Unix milliseconds; undefined where unknown. */
  readonly lastModified: number | undefined;
}

export type StoreCheck =
  | { readonly usable: true; readonly note?: string }
  | { readonly usable: false; readonly why: string };

export interface ReadOptions extends BodyLimits {
  readonly signal: AbortSignal;
  /** Nobody will look at what travels with the body; an adapter that would have to fetch it for itself may leave it out. */
  readonly bodyOnly?: boolean;
}

export interface BodyLimits {
  /** Largest body accepted, in bytes. Reading stops as soon as more arrives or is announced. */
  readonly maxBytes: number;
  /** Called before a body is read whose length is announced, in bytes. What it throws ends the call. */
  onLength?(bytes: number): void;
  /** Memory for a body whose length is announced, just so many bytes; the adapter's own when left out. */
  allocate?(bytes: number): Buffer;
}

export interface WriteOptions {
  readonly signal: AbortSignal;
}

/** What originals need. */
export interface ObjectReader {
  get(key: string, options: ReadOptions): Promise<StoredObject | undefined>;
  head(key: string, options: WriteOptions): Promise<ObjectVersion | 'missing' | 'unknown'>;
  check(options: WriteOptions): Promise<StoreCheck>;
  /** Opens a connection ahead of the first call, where there are any. Never throws, and nobody waits for it. */
  connect?(): void;
  /** Releases sockets and handles. Idempotent. */
  close(): Promise<void>;
}

/** What results need. */
export interface ObjectStore extends ObjectReader {
  /** Atomic: a reader sees the old object, the new one or none, never a part. The last writer wins. */
  put(key: string, object: StoredObject, options: WriteOptions): Promise<void>;
  /** Deleting what is not there is no error. */
  delete(key: string, options: WriteOptions): Promise<void>;
  /**
   * Deletes every object whose key begins with `folder/`, and says how many. The adapter's time limit holds for each step;
   * the caller's signal for the whole. When it ends early some are gone, and calling again goes on.
   */
  deleteAll(folder: string, options: WriteOptions & { keep?(key: string): boolean }): Promise<number>;
  getIfChanged(key: string, etag: string, options: ReadOptions): Promise<StoredObject | 'unchanged' | undefined>;
  putIf(
    key: string,
    object: StoredObject,
    condition: { readonly etag: string } | 'absent',
    options: WriteOptions,
  ): Promise<{ readonly etag: string } | 'conflict'>;
  list(prefix: string, options: WriteOptions): AsyncIterable<readonly string[]>;
}
