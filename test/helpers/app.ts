import type { AddressInfo } from 'node:net';
import type { CdnPurge } from '../../src/api/cdn-purge.ts';
import type { Peers } from '../../src/api/peers.ts';
import { createShopApi } from '../../src/api/shop-api.ts';
import { createTakedown } from '../../src/api/takedown.ts';
import type { UploadTarget } from '../../src/api/uploads/upload-target.ts';
import type { Assets } from '../../src/assets/assets.ts';
import { createDecoders } from '../../src/decoders/decoders.ts';
import type { FaceFinder } from '../../src/faces/finder.ts';
import { createSingleFlight } from '../../src/flow/single-flight.ts';
import { createWorkQueue } from '../../src/flow/work-queue.ts';
import { createWriteBehind } from '../../src/flow/write-behind.ts';
import { buildApp } from '../../src/http/app.ts';
import type { ConnectionLimits } from '../../src/http/connections.ts';
import { createUrlResolver } from '../../src/http/resolve.ts';
import type { Found } from '../../src/http/serve-image.ts';
import type { LegacySettings } from '../../src/legacy/scheme.ts';
import { createBufferPool } from '../../src/originals/buffer-pool.ts';
import { createDearProxies } from '../../src/originals/dear-proxies.ts';
import { createDecodeCache } from '../../src/originals/decode-cache.ts';
import { createOriginalMetadata } from '../../src/originals/metadata.ts';
import { createOriginalReader } from '../../src/originals/reader.ts';
import { createOriginalCheck } from '../../src/originals/records/original-check.ts';
import { createSourceSelection } from '../../src/originals/source-selection.ts';
import { createPresets } from '../../src/presets/presets.ts';
import { loadEngine } from '../../src/render/engine/engine.ts';
import { createRenderer, type Renderer } from '../../src/render/render.ts';
import { createRenditionCache } from '../../src/renditions/memory-cache.ts';
import { createResultStore } from '../../src/renditions/result-store.ts';
import type { ObjectReceiver } from '../../src/stores/object-receiver.ts';
import type { ObjectReader, ObjectStore } from '../../src/stores/store.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { BUILT_IN_PRESETS } from '../../src/url/built-in-presets.ts';
import { formatImagePath, type SignedParameters } from '../../src/url/image-path.ts';
import { createSignatures } from '../../src/url/signature.ts';
import { receiverInto } from './memory-store.ts';
import { PATIENCE_MS } from './turns.ts';

export const TEST_KEY = Buffer.alloc(32, 7);

export interface TestAppOptions {
  readonly originals: ObjectReader;
  readonly results?: ObjectStore | undefined;
  readonly definitions?: unknown;
  readonly keys?: Uint8Array[];
  readonly slots?: number;
  readonly waiting?: number;
  readonly waitTimeoutMs?: number;
  readonly renderTimeoutMs?: number;
  readonly maxOriginalBytes?: number;
  readonly workBytes?: number;
  readonly inputBytes?: number;
  /** Of whole pictures in memory; 64 MiB unless said. */
  readonly decodeBytes?: number;
  readonly saveBytes?: number;
  /** On unless said. */
  readonly nearest?: boolean;
  readonly maxPixels?: number;
  readonly maxFrames?: number;
  /** Formats that no decoder reads; as the settings' defaults unless said. */
  readonly without?: Parameters<typeof createDecoders>[0]['without'];
  readonly decoderIdleMs?: number;
  /** Without one, faces are off. */
  readonly finder?: FaceFinder;
  /** How long the first render of an original waits for its look: for any time unless said. */
  readonly faceWaitMs?: number;
  /** How long the next ones wait for it before they send the provisional rendition. */
  readonly faceInsteadMs?: number;
  /** Without one there is no API. */
  readonly apiToken?: string;
  /** Originals that may be deleted. */
  readonly deletable?: ObjectStore;
  readonly cdn?: CdnPurge;
  readonly peers?: Peers;
  /** How long memory is trusted, and for how long while the record cannot be asked; as the settings' defaults unless said. */
  readonly windowMs?: number;
  readonly graceMs?: number;
  /** Unless said, originals are not asked (`DARKROOM_ORIGINALS_CHECK`). */
  readonly checkMs?: number;
  /** The wall clock of this machine. */
  readonly now?: () => number;
  /** An address of loopback; machines that tell each other have one port and an address each. */
  readonly host?: string;
  readonly port?: number;
  readonly bucket?: UploadTarget;
  /** Of uploads to this server; into `deletable` unless said. */
  readonly receiver?: ObjectReceiver;
  readonly uploadBytes?: number;
  readonly connectionLimits?: Partial<ConnectionLimits>;
  readonly pathPrefix?: string;
  readonly originSecrets?: readonly string[];
  /** The server whose URLs are answered too. */
  readonly legacy?: LegacySettings;
  /** Images and fonts that presets name. */
  readonly assets?: Pick<Assets, 'known' | 'files'>;
  /** Receives the log; without it there is none. */
  readonly log?: (line: string) => void;
  /** Wraps the real renderer, to count or to hold renders. */
  readonly wrapRenderer?: (renderer: Renderer) => Renderer;
}

/** The whole app on a real port, built of real parts as main.ts builds it. */
export async function startApp(options: TestAppOptions) {
  const { originals, results, keys = [TEST_KEY] } = options;
  const signatures = createSignatures(keys);
  const cache = createRenditionCache(64 * 1024 * 1024);
  const decodes = createDecodeCache(options.decodeBytes ?? 64 * 1024 * 1024);
  const flights = createSingleFlight<Found>();
  const queue = createWorkQueue({
    slots: options.slots ?? 2,
    waiting: options.waiting ?? 32,
    waitTimeoutMs: options.waitTimeoutMs ?? PATIENCE_MS,
    ...(options.workBytes ? { workBytes: options.workBytes } : {}),
    ...(options.inputBytes ? { inputBytes: options.inputBytes } : {}),
  });
  const saves = createWriteBehind({
    maxBytes: options.saveBytes ?? 64 * 1024 * 1024,
    concurrency: 8,
    attempts: 2,
    retryDelayMs: 1,
  });
  const decoders = createDecoders({
    threads: options.slots ?? 2,
    idleMs: options.decoderIdleMs ?? 10_000,
    without: options.without ?? ['svg'],
  });
  const limits = { maxPixels: options.maxPixels ?? 100_000_000, maxFrames: options.maxFrames ?? 200 };
  const engine = loadEngine(process.env.TEST_ENGINE === 'on');
  const real = createRenderer(
    { ...limits, timeoutSeconds: PATIENCE_MS / 1000 },
    decoders,
    options.assets?.files,
    engine,
  );
  const warnings: string[] = [];
  const warn = (what: string) => void warnings.push(what);
  const now = options.now ?? Date.now;
  const noticed: ('noticed' | 'limited')[] = [];
  const takedown = createTakedown({
    ...{ cache, decodes, results, saves, warn, originals: options.deletable, cdn: options.cdn, peers: options.peers },
    ...{ windowMs: options.windowMs ?? 30_000, graceMs: options.graceMs ?? 600_000, now },
    ...(options.now ? { monotonic: options.now } : {}),
    onReplacement: (outcome) => noticed.push(outcome),
  });
  const { records, replacements, purges } = takedown;
  // One pool for all originals, so that each test sees memory that others have used.
  const buffers = createBufferPool(64 * 1024 * 1024);
  const reader = createOriginalReader({ originals, buffers, replacements, now });
  const metadata = createOriginalMetadata({
    ...{ finder: options.finder, records, patienceMs: options.renderTimeoutMs ?? PATIENCE_MS },
    ...{ waitMs: options.faceWaitMs ?? PATIENCE_MS, insteadMs: options.faceInsteadMs ?? PATIENCE_MS },
    onLook: (outcome) => looks.push(outcome),
    onProvisional: (reason) => provisional.push(reason),
    warn,
  });
  const looks: string[] = [];
  const provisional: string[] = [];
  const life = { ready: true, draining: false };
  const presets = createPresets({
    definitions: options.definitions ?? BUILT_IN_PRESETS,
    inline: true,
    faces: options.finder !== undefined,
    ...(options.assets ? { assets: options.assets.known } : {}),
    renderTimeoutMs: options.renderTimeoutMs ?? 20_000,
  });
  const maxOriginalBytes = options.maxOriginalBytes ?? 50 * 1024 * 1024;
  const renderer = options.wrapRenderer?.(real) ?? real;
  const { deletable, bucket, pathPrefix = '' } = options;
  const receiver = options.receiver ?? (deletable && !bucket ? receiverInto(deletable) : undefined);
  const resultStore = results && createResultStore({ results, saves, epochs: records, warn });
  const dearProxies = createDearProxies({ decodes, resultStore, renderer });
  const shop = createShopApi({
    dearProxies,
    ...{ records, purges, metadata, queue, renderer, signatures, reader },
    ...{ apiToken: options.apiToken, publicUrl: undefined, presets: presets.names, largestPreset: presets.largest },
    ...{ originals: options.deletable, bucket: options.bucket, receiver },
    ...{ uploadBytes: options.uploadBytes ?? 2 * 1024 * 1024, pathPrefix },
    ...{ signingKey: keys[0] ?? TEST_KEY, maxOriginalBytes },
  });
  const sources = createSourceSelection({
    ...{ originals: reader, resultStore, dearProxies, renderer, maxOriginalBytes, warn },
  });
  const check = createOriginalCheck({
    ...{ originals, reader, records, queue, maxOriginalBytes, warn, now, everyMs: options.checkMs },
    onGone: (id) => void purges.cleanUp(id),
  });
  const metrics = createMetrics({
    ...{ cache, decodes, flights, queue, saves, life, presets: presets.names, version: '0.0.0-test' },
    ...{ slots: options.slots ?? 2, places: options.waiting ?? 32 },
    memory: { limit: 0, cache: 0, decodes: 0, saves: 0, uploads: 0, inputs: 0, assets: 0, garbage: 0, work: 0 },
  });
  const app = buildApp({
    resolveUrl: createUrlResolver({
      ...{ signatures, presets, renderVersion: renderer.version, pathPrefix, legacy: options.legacy },
    }),
    ...{
      resultStore,
      sources,
      cache,
      decodes,
      flights,
      queue,
      metadata,
      records,
      check,
      life,
      assets: options.assets?.files,
    },
    peer: { records, signingKey: keys[0] ?? TEST_KEY },
    ...{ renderer, maxUploadBytes: maxOriginalBytes, metrics },
    ...(shop.api ? { api: shop.api, folderUploads: shop.folderUploads } : {}),
    renderTimeoutMs: options.renderTimeoutMs ?? PATIENCE_MS,
    nearest: options.nearest ?? true,
    ...{ pathPrefix, originSecrets: options.originSecrets },
    ...(options.connectionLimits ? { connectionLimits: options.connectionLimits } : {}),
    ...(options.log ? { logStream: { write: options.log }, logLevel: 'info' } : { logLevel: 'silent' }),
    version: '0.0.0-test',
  });
  const host = options.host ?? '127.0.0.1';
  await app.listen({ host, port: options.port ?? 0 });
  const { port } = app.server.address() as AddressInfo;
  const baseUrl = `http://${host}:${port}`;

  /** A signed path; `preset` may carry a suffix. */
  function path(preset: string, id: string, expiresAt?: number, others: Partial<SignedParameters> = {}): string {
    const [, name = '', suffix = ''] = /^([^@.]*)(.*)$/.exec(preset) ?? [];
    const signature = signatures.sign({ preset: name, id, expiresAt, ...others });
    return pathPrefix + formatImagePath({ signature, preset: name, suffix, id, expiresAt, ...others });
  }

  /** A call of the API with its token. */
  const api = (method: string, target: string, body?: object) =>
    fetch(`${baseUrl}/v1/${target}`, {
      method,
      headers: {
        authorization: `Bearer ${options.apiToken}`,
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });

  return {
    ...{
      app,
      baseUrl,
      port,
      path,
      cache,
      decodes,
      flights,
      queue,
      decoders,
      saves,
      life,
      metrics,
      warnings,
      noticed,
      looks,
      provisional,
      signatures,
      records,
      purges,
    },
    get: (target: string, init?: RequestInit) => fetch(baseUrl + target, init),
    /** `query`: with its question mark. */
    purge: (id: string, query = '') => api('DELETE', `images/${encodeURIComponent(id)}${query}`),
    /** `POST /v1/purge` and `GET /v1/purge/<job>`. */
    purgeMany: (wanted: object) => api('POST', 'purge', wanted),
    purgeJob: (job: string) => api('GET', `purge/${job}`),
    complete: (id: string) => api('POST', `images/${encodeURIComponent(id)}/complete`),
    meta: (ids: readonly string[]) => api('POST', 'images/meta', { ids }),
    async dispose() {
      await app.close();
      await decoders.close();
      await saves.drain(60_000);
      await Promise.all([originals.close(), results?.close()]);
    },
  };
}

export type TestApp = Awaited<ReturnType<typeof startApp>>;
