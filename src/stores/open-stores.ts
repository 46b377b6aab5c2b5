import { type Config, ConfigError, type StoreLocation } from '../process/config.ts';
import { type Companions, createDiskStore } from './folder/folder-store.ts';
import { createHttpOrigin } from './http/http-origin.ts';
import { createS3Store } from './s3/s3-store.ts';
import { withCircuitBreaker } from './shared/circuit-breaker.ts';
import { measureReader, measureStore, type OnStoreCall } from './shared/measured-store.ts';
import type { ObjectReader, ObjectStore } from './store.ts';

export interface StoreWatch {
  onCall: OnStoreCall;
  /** The result store failed too often and is left alone, or is back. */
  onCircuit(open: boolean): void;
}

/** Where originals are read: a whole store, but for an HTTP origin. Throws ConfigError. */
export function openOriginals(config: Config, { onCall }: StoreWatch): ObjectReader {
  const { originals: location } = config;
  if (location.kind !== 'origin') return measureStore(createStore(location, config, 'beside'), 'originals', onCall);
  const origin = createHttpOrigin({
    baseUrl: location.url,
    timeoutMs: config.storeTimeoutMs,
    allowPrivate: config.originPrivate,
  });
  return measureReader(origin, 'originals', onCall);
}

/** Results are a convenience: while their store is down, renders go on without paying for its time-outs. */
export function openResults(config: Config, { onCall, onCircuit }: StoreWatch): ObjectStore | undefined {
  const { results: location } = config;
  if (location.kind === 'none') return undefined;
  // Measured inside, so that calls that are not made do not look like fast ones.
  const measured = measureStore(createStore(location, config, 'behind'), 'results', onCall);
  return withCircuitBreaker(measured, { onChange: onCircuit });
}

function createStore(location: StoreLocation, config: Config, companions: Companions): ObjectStore {
  const store = adapterOf(location, config, companions);
  // While the rest of the process is still being built.
  store.connect?.();
  return store;
}

/** `companions`: an original's file is the seller's, byte for byte; a result's is nobody's but ours. */
function adapterOf(location: StoreLocation, config: Config, companions: Companions): ObjectStore {
  const timeoutMs = config.storeTimeoutMs;
  if (location.kind === 'folder') return createDiskStore({ root: location.path, timeoutMs, companions });
  if (location.kind === 's3')
    return createS3Store({ ...config.s3, bucket: location.bucket, prefix: location.prefix, timeoutMs });
  throw new ConfigError(`a store cannot be made of ${location.kind}`);
}
