import type { FastifyInstance } from 'fastify';
import { createCdnPurge } from '../../../src/api/cdn-purge.ts';
import { createPeers } from '../../../src/api/peers.ts';
import { createShopApi } from '../../../src/api/shop-api.ts';
import { createTakedown } from '../../../src/api/takedown.ts';
import { createSingleFlight } from '../../../src/flow/single-flight.ts';
import { createWorkQueue } from '../../../src/flow/work-queue.ts';
import { createWriteBehind } from '../../../src/flow/write-behind.ts';
import { buildApp } from '../../../src/http/app.ts';
import { createUrlResolver } from '../../../src/http/resolve.ts';
import type { Found } from '../../../src/http/serve-image.ts';
import { createBufferPool } from '../../../src/originals/buffer-pool.ts';
import { createDearProxies } from '../../../src/originals/dear-proxies.ts';
import { createDecodeCache } from '../../../src/originals/decode-cache.ts';
import { createOriginalMetadata } from '../../../src/originals/metadata.ts';
import { createOriginalReader } from '../../../src/originals/reader.ts';
import { createOriginalCheck } from '../../../src/originals/records/original-check.ts';
import { createSourceSelection } from '../../../src/originals/source-selection.ts';
import { createPresets } from '../../../src/presets/presets.ts';
import { createRenditionCache } from '../../../src/renditions/memory-cache.ts';
import { createResultStore } from '../../../src/renditions/result-store.ts';
import { createMetrics, type Metrics } from '../../../src/telemetry/metrics.ts';
import { BUILT_IN_PRESETS } from '../../../src/url/built-in-presets.ts';
import { createSignatures } from '../../../src/url/signature.ts';
import { TEST_KEY } from '../../helpers/app.ts';
import type { Draws } from '../../helpers/draws.ts';
import { createLink, type Link } from './network.ts';
import { createFakeFinder, createFakeRenderer } from './pictures.ts';
import { type MemoryStore, type OriginalsHooks, remoteOriginals, remoteStore } from './stores.ts';
import { createHost, type Host, type VirtualTime } from './virtual-time.ts';

export const API_TOKEN = 'fuzz-token';
export const SIGNATURES = createSignatures([TEST_KEY]);
export const PEERS_PORT = 8080;
const LIMIT_BYTES = 64 * 1024 * 1024;
const MAX_ORIGINAL_BYTES = 1024 * 1024;
const NEVER_MS = 1e9;
const SAVES = { maxBytes: LIMIT_BYTES, concurrency: 4, attempts: 3, retryDelayMs: 200 };

export interface MachineOptions extends OriginalsHooks {
  readonly time: VirtualTime;
  readonly draws: Draws;
  readonly results: MemoryStore;
  readonly originals: MemoryStore;
  readonly windowMs: number;
  readonly graceMs: number;
  /** Undefined: originals are never asked. */
  readonly checkMs: number | undefined;
  readonly cacheBytes: number;
  /** How many calls of a hundred go wrong. */
  readonly faults: number;
  /** Number of the read that this body came from. */
  readonly readOf: (body: Buffer) => number;
  /** Addresses of all machines that run. */
  readonly addresses: () => readonly string[];
  /** An answer is on its way; the number of its request stands in the header `x-fuzz`. */
  readonly onAnswer: (request: string) => void;
}

/** One machine of real parts: only its renderer, its face finder, its network and its time are not. */
export interface Machine {
  readonly host: Host;
  readonly app: FastifyInstance;
  readonly links: Readonly<Record<'results' | 'originals' | 'network', Link>>;
  readonly warnings: string[];
  readonly epochOf: (id: string) => string;
  readonly pending: () => number;
  /** Drains its saves, as a machine does that is asked to stop. */
  stop(): Promise<void>;
}

let shared: Metrics | undefined;

/** One for all machines: their collectors take longer to make than a machine. */
function metrics(): Metrics {
  const counted = { entries: 0, bytes: 0, hits: 0, misses: 0, evictions: 0, pending: 0, size: 0 };
  const queue = { running: 0, waiting: 0, inputBytes: 0, workBytes: 0, longestStayMs: 0 };
  const memory = { limit: 0, cache: 0, decodes: 0, saves: 0, inputs: 0, uploads: 0, assets: 0, garbage: 0, work: 0 };
  shared ??= createMetrics({
    ...{ cache: counted, decodes: counted, flights: counted, saves: counted, queue, memory },
    ...{ life: { ready: true, draining: false }, presets: [], version: '0.0.0-test', slots: 1, places: 1 },
  });
  return shared;
}

export function startMachine(options: MachineOptions): Machine {
  const host = createHost();
  return options.time.on(host, () => build(host, options));
}

function build(host: Host, options: MachineOptions): Machine {
  const { time, draws, faults, windowMs, graceMs, readOf, onAnswer } = options;
  const link = () => createLink(time, host, draws, faults);
  const links = { results: link(), originals: link(), network: link() };
  const results = remoteStore(options.results, links.results);
  const originals = remoteOriginals(options.originals, links.originals, options);
  const warnings: string[] = [];
  const warn = (what: string, key: string) => void warnings.push(`${what}: ${key}`);
  const cache = createRenditionCache(options.cacheBytes);
  const decodes = createDecodeCache(LIMIT_BYTES);
  const saves = createWriteBehind(SAVES);
  const takedown = createTakedown({
    ...{ cache, decodes, results, saves, warn, originals, windowMs, graceMs },
    cdn: createCdnPurge({ kind: 'webhook', target: 'http://cdn/', token: undefined, warn }),
    peers: createPeers({
      ...{ host: 'machines', port: PEERS_PORT, signingKey: TEST_KEY, warn },
      resolveName: async () => options.addresses().map((address) => ({ address, family: 4 })),
    }),
  });
  const { records, replacements, purges } = takedown;
  const queue = createWorkQueue({ slots: 2, waiting: 8, waitTimeoutMs: 5000 });
  const renderer = createFakeRenderer(draws, readOf);
  const metadata = createOriginalMetadata({ records, finder: createFakeFinder(draws), warn });
  const resultStore = createResultStore({ results, saves, epochs: records, warn });
  const reader = createOriginalReader({ originals, buffers: createBufferPool(LIMIT_BYTES), replacements });
  const dearProxies = createDearProxies({ decodes, resultStore, renderer });
  const maxOriginalBytes = MAX_ORIGINAL_BYTES;
  const presets = createPresets({ definitions: BUILT_IN_PRESETS, inline: false, faces: true });
  const life = { ready: true, draining: false };
  const shop = createShopApi({
    ...{ records, purges, metadata, queue, renderer, dearProxies, reader, originals, maxOriginalBytes },
    ...{ apiToken: API_TOKEN, publicUrl: undefined, presets: presets.names },
    ...{ bucket: undefined, receiver: undefined, uploadBytes: 0 },
    ...{ signatures: SIGNATURES, signingKey: TEST_KEY },
  });
  const check = createOriginalCheck({
    ...{ originals, reader, records, queue, maxOriginalBytes, warn, everyMs: options.checkMs },
    onGone: (id) => void purges.cleanUp(id),
  });
  const app = buildApp({
    resolveUrl: createUrlResolver({ signatures: SIGNATURES, presets, renderVersion: renderer.version }),
    sources: createSourceSelection({ originals: reader, resultStore, dearProxies, renderer, maxOriginalBytes, warn }),
    ...{ cache, decodes, queue, flights: createSingleFlight<Found>(), resultStore, renderer, metadata, records, check },
    ...{ metrics: metrics(), life, maxUploadBytes: maxOriginalBytes, renderTimeoutMs: 10_000, nearest: true },
    ...(shop.api ? { api: shop.api } : {}),
    peer: { records, signingKey: TEST_KEY },
    ...{ logLevel: 'silent', version: '0.0.0-test' },
    // An injected request has no socket, and never counts as complete.
    connectionLimits: { bodyTimeoutMs: NEVER_MS, requestTimeoutMs: NEVER_MS },
  });
  app.addHook('onSend', (request, _reply, payload, done) => {
    onAnswer(String(request.headers['x-fuzz']));
    done(null, payload);
  });
  purges.bulk?.jobs.start();
  return {
    ...{ host, app, links, warnings },
    epochOf: (id) => records.of(id),
    pending: () => saves.pending,
    async stop() {
      life.draining = true;
      await saves.drain(20_000);
      purges.bulk?.jobs.close();
    },
  };
}
