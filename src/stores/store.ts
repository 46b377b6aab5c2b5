/**
 * The contract of every store. Three adapters implement it (folder, S3, HTTP origin), and one suite checks all of them:
 * test/stores/conformance.ts.
 *
 * Keys are Unicode strings of up to 1,024 UTF-8 bytes with `/` between segments. A store takes them literally: it
 * decodes nothing, normalises nothing, and two different keys never name the same object.
 *
 * Errors: a missing object is `undefined`, never an exception. `store_failed`: the store cannot be reached or answered
 * wrongly. `store_timeout`: the adapter's own time limit for the whole call, body included, is over. `original_too_large`: a
 * body exceeds `maxBytes`. When the caller's signal aborts, the call ends at once with the signal's reason. No call leaves a
 * socket, a file handle or a temporary file behind.
 */

/** Small strings stored with an object: names match [a-z0-9-]+, values are printable ASCII, 1 KiB in all. */
export type ObjectMetadata = Readonly<Record<string, string>>;

/** What a store says of one version of an object. */
export interface ObjectVersion {
  /** As the store gives it, quotes and `W/` included; undefined where it gives none. */
  readonly etag: string | undefined;
  readonly bytes: number;
  /** Unix milliseconds; undefined where unknown. */
  readonly lastModified: number | undefined;
}

/** One object in memory. Bodies are Buffers, because a half-read stream cannot be retried or shared. */
export interface StoredObject {
  readonly body: Buffer;
  /** As its writer declared it. For originals it is a claim by a stranger and never trusted. */
  readonly contentType: string | undefined;
  readonly cacheControl: string | undefined;
  readonly metadata: ObjectMetadata;
  /** Set by every read; ignored by writes. */
  readonly version?: ObjectVersion;
}

export interface ReadOptions extends BodyLimits {
  readonly signal: AbortSignal;
  /** The caller needs the body only; an adapter that would need another step for the headers may leave them out. */
  readonly bodyOnly?: boolean;
}

export interface BodyLimits {
  /** Largest body accepted, in bytes. Reading stops as soon as more arrives or is announced. */
  readonly maxBytes: number;
  /** Called with the announced length in bytes before the body is read. Its exception ends the call. */
  onLength?(bytes: number): void;
  /** Gives memory of exactly this many bytes for a body of announced length. Default: the adapter allocates. */
  allocate?(bytes: number): Buffer;
}

export interface WriteOptions {
  readonly signal: AbortSignal;
}

/** The etag as a read or an earlier write gave it. */
export type WriteCondition = { readonly etag: string } | 'absent';

export interface DeleteAllOptions extends WriteOptions {
  /** Objects that stay in place and are not counted. */
  keep?(key: string): boolean;
}

/** `note` and `why`: one plain sentence, for the log. */
export type StoreCheck =
  | {
      readonly usable: true;
      readonly note?: string;
      /** How an S3 bucket takes conditions on writes; 'ignored': another machine may write between look and write. */
      readonly conditions?: 'quoted' | 'unquoted' | 'ignored';
    }
  | { readonly usable: false; readonly why: string };

/** A store that is only read. */
export interface ObjectReader {
  get(key: string, options: ReadOptions): Promise<StoredObject | undefined>;
  /**
   * Whether an object exists and in which version, without its body. 'unknown' when the store refuses to say (401, 403, 405,
   * 501) or does not say the length.
   */
  head(key: string, options: { readonly signal: AbortSignal }): Promise<ObjectVersion | 'missing' | 'unknown'>;
  /** Asks the store once whether it can be used. Throws the signal's reason only. */
  check(options: { readonly signal: AbortSignal }): Promise<StoreCheck>;
  /** Opens a connection ahead of the first call, in the background. Never throws. */
  connect?(): void;
  /** Releases sockets and handles. Idempotent. */
  close(): Promise<void>;
}

/** A store that is read and written. */
export interface ObjectStore extends ObjectReader {
  /**
   * As `get`, but 'unchanged' when the object still has this etag, which is compared as it stands (RFC 9110, 13.1.2: a
   * conditional GET; a folder compares its own).
   */
  getIfChanged(key: string, etag: string, options: ReadOptions): Promise<StoredObject | 'unchanged' | undefined>;
  /** Atomic: a reader sees the old object, the new one or none, never a part. The last writer wins. */
  put(key: string, object: StoredObject, options: WriteOptions): Promise<void>;
  /**
   * Writes only if the object has this etag, or only if it is absent (RFC 9110, 13.1). 'conflict': it has not, or the store
   * cannot tell, as some that lost a race: read again, merge, retry. For keys that all writers write by this call only: a
   * folder does not hold up `put` and `delete` of the same key meanwhile.
   */
  putIf(
    key: string,
    object: StoredObject,
    condition: WriteCondition,
    options: WriteOptions,
  ): Promise<{ readonly etag: string } | 'conflict'>;
  /** Deleting a missing object is no error. */
  delete(key: string, options: WriteOptions): Promise<void>;
  /**
   * Keys that begin with this prefix (any text, also in the middle of a segment), in no promised order, page by page. The
   * adapter's time limit holds for each page. Of keys that are written or deleted meanwhile, some may be listed.
   */
  list(prefix: string, options: { readonly signal: AbortSignal }): AsyncIterable<readonly string[]>;
  /**
   * Deletes every object whose key begins with `folder/`; resolves with their number. The adapter's time limit holds for each
   * step, the caller's signal for the whole. After an early end some objects are gone; another call deletes the rest.
   * `store_failed` also when the store goes on to list what it was told to delete.
   */
  deleteAll(folder: string, options: DeleteAllOptions): Promise<number>;
}
