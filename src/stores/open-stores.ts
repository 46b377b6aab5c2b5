import { createFolderReceiver } from './folder/folder-receiver.ts';
import { createFolderStore } from './folder/folder-store.ts';
import { createHttpOrigin } from './http/http-origin.ts';
import type { ObjectReceiver } from './object-receiver.ts';
import { createS3Store, type S3StoreOptions } from './s3/s3-store.ts';
import { withCircuitBreaker } from './shared/circuit-breaker.ts';
import { measureReader, measureStore, type OnStoreCall } from './shared/measured-store.ts';
import type { ObjectReader, ObjectStore } from './store.ts';

type WritableLocation =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 's3'; readonly bucket: string; readonly prefix: string };
type OriginalsLocation = WritableLocation | { readonly kind: 'origin'; readonly url: string };
type ResultsLocation = WritableLocation | { readonly kind: 'none' };

export interface StoreOptions {
  /** Limit of one call in milliseconds, retries and body included. */
  readonly timeoutMs: number;
  readonly s3: Omit<S3StoreOptions, 'bucket' | 'prefix' | 'timeoutMs' | 'missingIsForbidden' | 'checkWrites'>;
  /** Whether an HTTP origin may be `http:` and have a private address. */
  readonly originPrivate: boolean;
  onCall: OnStoreCall;
  /** Called when the circuit of the result store opens, so that the store is not called for a while, and when it closes. */
  onCircuit(open: boolean): void;
}

/** One store, under both of its interfaces. */
export interface OriginalStore {
  readonly reader: ObjectReader;
  /** Undefined where originals can only be read: behind an HTTP origin. */
  readonly store: ObjectStore | undefined;
  /** Takes uploads; undefined where originals do not lie in a folder. */
  readonly receiver: ObjectReceiver | undefined;
}

export function openOriginals(location: OriginalsLocation, options: StoreOptions): OriginalStore {
  if (location.kind !== 'origin') {
    const store = measureStore(createStore(location, options, 'originals'), 'originals', options.onCall);
    const { timeoutMs } = options;
    const receiver = location.kind === 'folder' ? createFolderReceiver({ root: location.path, timeoutMs }) : undefined;
    return { reader: store, store, receiver };
  }
  const origin = createHttpOrigin({
    baseUrl: location.url,
    timeoutMs: options.timeoutMs,
    allowPrivate: options.originPrivate,
  });
  return { reader: measureReader(origin, 'originals', options.onCall), store: undefined, receiver: undefined };
}

/** Images and fonts that presets name; only read. Undefined without `DARKROOM_ASSETS`. */
export function openAssets(location: WritableLocation | undefined, options: StoreOptions): ObjectStore | undefined {
  return location && createStore(location, options, 'originals');
}

/** The result store behind a circuit breaker: while it is down, renders do not wait for its time-outs. */
export function openResults(location: ResultsLocation, options: StoreOptions): ObjectStore | undefined {
  if (location.kind === 'none') return undefined;
  // Measured inside the breaker, so that calls that the breaker refuses do not count as fast ones.
  const measured = measureStore(createStore(location, options, 'results'), 'results', options.onCall);
  return withCircuitBreaker(measured, { onChange: options.onCircuit });
}

/**
 * Files of originals stay the seller's, byte for byte, and may be read-only; files of results are read by Darkroom only. The
 * credentials of originals may lack s3:ListBucket, those of results may not.
 */
function createStore(
  location: WritableLocation,
  { timeoutMs, s3 }: StoreOptions,
  use: 'originals' | 'results',
): ObjectStore {
  const checkWrites = use === 'results';
  const store =
    location.kind === 'folder'
      ? createFolderStore({
          ...{ root: location.path, timeoutMs, checkWrites },
          metadataIn: use === 'results' ? 'trailer' : 'sidecar',
        })
      : createS3Store({
          ...{ ...s3, bucket: location.bucket, prefix: location.prefix, timeoutMs, checkWrites },
          missingIsForbidden: use === 'results' ? 'never' : 'if-seen-at-start',
        });
  // The connection opens while the rest of the process starts.
  store.connect?.();
  return store;
}
