import type { Server } from 'node:http';
import packageJson from '../package.json' with { type: 'json' };
import { createCdnPurge } from './api/cdn-purge.ts';
import { createPeers } from './api/peers.ts';
import { createShopApi } from './api/shop-api.ts';
import { createTakedown } from './api/takedown.ts';
import { createS3UploadTarget } from './api/uploads/s3-upload-target.ts';
import { createAssets } from './assets/assets.ts';
import { createDecoders } from './decoders/decoders.ts';
import { createFaceFinder, FACE_FINDER } from './faces/finder.ts';
import { createSingleFlight } from './flow/single-flight.ts';
import { startWatchdog } from './flow/watchdog.ts';
import { watchQueue } from './flow/watched-queue.ts';
import { createWorkQueue } from './flow/work-queue.ts';
import { createWriteBehind, SAVES } from './flow/write-behind.ts';
import { buildApp } from './http/app.ts';
import { connectionsWithin } from './http/connections.ts';
import { createUrlResolver } from './http/resolve.ts';
import type { Found } from './http/serve-image.ts';
import { createBufferPool } from './originals/buffer-pool.ts';
import { createDearProxies } from './originals/dear-proxies.ts';
import { createDecodeCache } from './originals/decode-cache.ts';
import { sharedWith } from './originals/memory-shares.ts';
import { createOriginalMetadata } from './originals/metadata.ts';
import { createOriginalReader } from './originals/reader.ts';
import { createOriginalCheck } from './originals/records/original-check.ts';
import { createSourceSelection } from './originals/source-selection.ts';
import { printExampleUrls } from './playground/example-urls.ts';
import { createPresets } from './presets/presets.ts';
import { type Config, readConfig, setFontconfigFile } from './process/config.ts';
import { exitWhenIdle } from './process/idle/idle-exit.ts';
import { collectAtRest } from './process/idle/rest.ts';
import { listen } from './process/listen.ts';
import { createLogStream, type LogStream } from './process/log-stream.ts';
import { readPresetsFile } from './process/presets-file.ts';
import { createShutdown } from './process/shutdown.ts';
import { loadOrMakeSigningKey } from './process/signing-key-file.ts';
import { startFailure } from './process/start-failure.ts';
import { startUpLine, startUpWarnings } from './process/start-up-line.ts';
import { whenStoresAreUsable } from './process/store-checks.ts';
import { fontconfigFile } from './render/effects/overlay/fonts.ts';
import { findEngine } from './render/engine/load.ts';
import { measureRenderer } from './render/measured-renderer.ts';
import { createRenderer } from './render/render.ts';
import { createRenditionCache } from './renditions/memory-cache.ts';
import { createResultStore } from './renditions/result-store.ts';
import { openAssets, openOriginals, openResults } from './stores/open-stores.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { serveMetrics } from './telemetry/metrics-server.ts';
import { createReports, type Reports } from './telemetry/reports.ts';
import type { Tracing } from './telemetry/tracing.ts';
import { BUILT_IN_PRESETS } from './url/built-in-presets.ts';
import { createSignatures } from './url/signature.ts';

/** In render timeouts, each of which only ends the client's wait: a render that takes three is taken for hung. */
const HONEST_RENDERS = 3;
/** A process started for a stored rendition answers it before it loads sharp, which takes some 70 ms. */
const WARM_AFTER_MS = 500;

type Stores = ReturnType<typeof openStores>;
type Caches = ReturnType<typeof createCaches>;
type Truth = ReturnType<typeof createTruth>;
type Pipeline = ReturnType<typeof createPipeline>;
type Api = Awaited<ReturnType<typeof createApi>>;

/** Handed to every part. */
interface Base {
  readonly config: Config;
  readonly reports: Reports;
  readonly tracing: Tracing | undefined;
  readonly life: { ready: boolean; draining: boolean };
  readonly logStream: LogStream;
  readonly signingKeys: readonly Buffer[];
}

async function start(): Promise<void> {
  const config = readConfig();
  setFontconfigFile(fontconfigFile());
  const base: Base = {
    config,
    reports: createReports(
      () => api.metrics,
      () => api.app.log,
    ),
    tracing: config.tracing
      ? await (await import('./telemetry/tracing.ts')).createTracing(packageJson.version, config.pathPrefix)
      : undefined,
    life: { ready: false, draining: false },
    logStream: createLogStream(),
    signingKeys: config.signingKeys ?? [await loadOrMakeSigningKey()],
  };
  const stores = openStores(base);
  const caches = createCaches(base);
  const truth = createTruth(base, stores, caches);
  const pipeline = createPipeline(base, stores, caches, truth);
  const api = await createApi(base, stores, caches, truth, pipeline);
  await run(base, stores, truth, pipeline, api);
}

function openStores({ config, reports }: Base) {
  const { storeTimeoutMs: timeoutMs, s3, originPrivate } = config;
  const options = { timeoutMs, s3, originPrivate, ...reports.stores };
  const [originals, results] = [openOriginals(config.originals, options), openResults(config.results, options)];
  const store = openAssets(config.assets, options);
  const assets = createAssets({ store, maxBytes: config.memory.assets, warn: reports.warn });
  return { originals, results, assets };
}

function createCaches({ config: { memory } }: Base) {
  return {
    cache: createRenditionCache(memory.cache),
    decodes: createDecodeCache(memory.decodes),
    inputBuffers: createBufferPool(memory.inputs / 4),
  };
}

/** One truth about each original, on every machine. */
function createTruth(base: Base, { originals, results }: Stores, { cache, decodes }: Caches) {
  const { config, reports, signingKeys } = base;
  const [{ warn }, [signingKey = Buffer.alloc(0)]] = [reports, signingKeys];
  const saves = createWriteBehind({ ...SAVES, maxBytes: config.memory.saves, ...reports.saves });
  const takedown = createTakedown({
    ...{ cache, decodes, results, saves, warn, originals: originals.store },
    ...{ windowMs: config.purgeWindowMs, graceMs: config.purgeGraceMs },
    cdn: config.cdn && createCdnPurge({ ...config.cdn, warn }),
    onReplacement: reports.onReplacement,
    peers: config.peers && createPeers({ ...config.peers, signingKey, warn }),
  });
  return { ...takedown, saves, signingKey };
}

/** Everything between a request for a rendition that is not made yet and its bytes. */
function createPipeline(base: Base, { originals, results, assets: { files } }: Stores, caches: Caches, truth: Truth) {
  const { config, reports, tracing } = base;
  const { saves, records, replacements, purges } = truth;
  const [{ memory }, { warn }, { decodes, inputBuffers }] = [config, reports, caches];
  const flights = createSingleFlight<Found>();
  const workQueue = createWorkQueue({
    ...{ slots: config.slots, waiting: config.queue, waitTimeoutMs: config.queueTimeoutMs },
    ...sharedWith(memory, caches),
  });
  const queue = watchQueue(workQueue, {
    ...{ permits: config.slots + config.queue, ...reports.queue },
    ...(tracing ? { onTurn: tracing.beginWait } : {}),
  });
  const [decoders, { engine, refused }] = [createDecoders(config.decoders), findEngine(config.engine)];
  const renderer = measureRenderer(createRenderer(config.decodeLimits, decoders, files, engine), reports.onRender);
  const finder = config.faces ? createFaceFinder({ ...FACE_FINDER, threads: config.faceThreads }) : undefined;
  const metadata = createOriginalMetadata({ ...reports, records, finder, patienceMs: config.renderTimeoutMs });
  const resultStore = results && createResultStore({ results, saves, epochs: records, warn });
  const reader = createOriginalReader({ originals: originals.reader, buffers: inputBuffers, replacements });
  const maxOriginalBytes = Math.min(config.maxOriginalBytes, memory.inputs);
  const dearProxies = createDearProxies({ decodes, resultStore, renderer });
  const makers = { resultStore, dearProxies, renderer, maxOriginalBytes };
  const sources = createSourceSelection({ ...makers, originals: reader, warn });
  const check = createOriginalCheck({
    ...{ originals: originals.reader, reader, records, queue, maxOriginalBytes, warn },
    everyMs: config.originalsCheckMs,
    onGone: (id) => void purges.cleanUp(id),
  });
  const readers = { metadata, reader, sources, check };
  return { ...makers, ...readers, assets: files, flights, queue, finder, decoders, refused };
}

/** What answers: signatures, presets, the shop's API, the playground, metrics, and the routes to all of them. */
async function createApi(base: Base, stores: Stores, { cache, decodes }: Caches, truth: Truth, pipeline: Pipeline) {
  const { config, tracing, life, logStream, signingKeys } = base;
  const { records, purges, saves, signingKey } = truth;
  const { flights, queue, renderer, metadata, maxOriginalBytes } = pipeline;
  const { originals: location, pathPrefix, legacy } = config;
  const signatures = createSignatures(signingKeys);
  const definitions = config.presetsFile === undefined ? BUILT_IN_PRESETS : await readPresetsFile(config.presetsFile);
  const presets = createPresets({
    assets: await stores.assets.load(),
    ...{ definitions, inline: config.inlinePresets, faces: config.faces, renderTimeoutMs: config.renderTimeoutMs },
  });
  const shop = createShopApi({
    ...{ ...pipeline, records, purges, signatures, signingKey, largestPreset: presets.largest },
    ...{ apiToken: config.apiToken, publicUrl: config.publicUrl, presets: presets.names },
    originals: stores.originals.store,
    bucket: location.kind === 's3' ? createS3UploadTarget({ ...config.s3, ...location }) : undefined,
    ...{ receiver: stores.originals.receiver, uploadBytes: config.memory.uploads, pathPrefix },
  });
  const { assets } = stores;
  const playground = config.playground
    ? { ...shop, presets, definitions, signingKey, metadata, assets, settings: config }
    : undefined;
  const metrics = createMetrics({
    ...{ cache, decodes, queue, flights, saves, life, presets: presets.names, version: packageJson.version },
    ...{ slots: config.slots, places: config.queue, memory: config.memory },
  });
  const app = buildApp({
    ...{ ...pipeline, records, cache, decodes, metrics, tracing, life, logStream, playground, api: shop.api },
    resolveUrl: createUrlResolver({ signatures, presets, renderVersion: renderer.version, pathPrefix, legacy }),
    peer: config.peers && { records, signingKey },
    folderUploads: shop.api || playground ? shop.folderUploads : undefined,
    connectionLimits: { maxConnections: connectionsWithin(config.memory.limit) },
    ...{ maxUploadBytes: maxOriginalBytes, renderTimeoutMs: config.renderTimeoutMs, nearest: config.nearest },
    ...{ logLevel: config.logLevel, version: packageJson.version, pathPrefix, originSecrets: config.originSecrets },
  });
  return { app, metrics, presets, signatures };
}

/** From the open port to the exit. */
async function run(base: Base, { originals, results, assets }: Stores, truth: Truth, pipeline: Pipeline, api: Api) {
  const [{ config, tracing, life, logStream }, { saves, purges }] = [base, truth];
  const { flights, queue, renderer, finder, decoders, refused } = pipeline;
  const { app, metrics, presets, signatures } = api;
  let metricsServer: Server | undefined;
  const stopping = new AbortController();
  const underWay = () => ({ flights: flights.size, saves: saves.pending });
  const shutdown = createShutdown({
    ...{ timeoutMs: config.shutdownTimeoutMs, log: app.log, logStream, life, underWay },
    closeServer: () => app.close(),
    drainSaves: (withinMs) => saves.drain(withinMs),
    async release(withinMs) {
      stopping.abort();
      metricsServer?.close();
      purges.bulk?.jobs.close();
      await Promise.all([finder?.close(), decoders.close(), assets.close()]);
      await Promise.all([originals.reader.close(), results?.close(), tracing?.close(withinMs)]);
    },
  });
  startWatchdog({
    longestMs: () => queue.longestStayMs,
    limitMs: config.queueTimeoutMs + config.storeTimeoutMs + HONEST_RENDERS * config.renderTimeoutMs,
    onLost: shutdown.giveUp,
  });
  shutdown.listen();
  const address = await listen(app, config);
  if (config.metricsPort !== undefined) metricsServer = await serveMetrics(metrics, config.host, config.metricsPort);
  whenStoresAreUsable({ originals: originals.reader, results }, app.log, stopping.signal, () => {
    life.ready = true;
  });
  purges.bulk?.jobs.start();
  assets.watch();
  setTimeout(() => renderer.warm().catch(shutdown.cannotRender), WARM_AFTER_MS).unref();
  const { idleExitMs: afterMs, pathPrefix } = config;
  collectAtRest(app.server, { pathPrefix });
  exitWhenIdle(app.server, { afterMs, pathPrefix, underWay, onIdle: () => shutdown.begin('idle') });
  app.log.info(startUpLine(config, address, metricsServer, renderer.version), 'darkroom is up');
  for (const warning of [...startUpWarnings(config), ...(refused ? [refused] : [])]) app.log.warn(warning);
  await printExampleUrls(config, { address, presets: presets.names, signatures });
}

// Not awaited: the bundle is a script (build/bundle.ts), where `await` outside a function is no syntax.
start().catch((error: unknown) => {
  process.stderr.write(`Darkroom cannot start.\n${startFailure(error)}\n`);
  process.exit(1);
});
