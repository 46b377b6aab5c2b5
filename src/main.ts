import { readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import packageJson from '../package.json' with { type: 'json' };
import { createCdnPurge } from './api/cdn-purge.ts';
import { createShopApi } from './api/shop-api.ts';
import { createS3UploadTarget } from './api/uploads/s3-upload-target.ts';
import { createFaceFinder } from './faces/finder.ts';
import { createSingleFlight } from './flow/single-flight.ts';
import { startWatchdog } from './flow/watchdog.ts';
import { watchQueue } from './flow/watched-queue.ts';
import { createWorkQueue } from './flow/work-queue.ts';
import { createWriteBehind } from './flow/write-behind.ts';
import { buildApp } from './http/app.ts';
import { connectionsWithin } from './http/connections.ts';
import { createUrlResolver } from './http/resolve.ts';
import type { Developed } from './http/serve-image.ts';
import { createInputBuffers } from './originals/buffer-pool.ts';
import { createDecodeCache } from './originals/decode-cache.ts';
import { createOriginalMetadata } from './originals/metadata.ts';
import { createOriginalReader } from './originals/reader.ts';
import { createSourceSelection } from './originals/source-selection.ts';
import { exampleUrls, pictureIds } from './playground/example-urls.ts';
import type { PlaygroundDeps } from './playground/playground.ts';
import { createPresets } from './presets/presets.ts';
import { checkPresets } from './presets/schema.ts';
import { type Config, ConfigError, readConfig } from './process/config.ts';
import { keepsFreedMemory, restartFrugally } from './process/frugal.ts';
import { collectGarbage, watchGarbage } from './process/gc.ts';
import { exitWhenIdle } from './process/idle-exit.ts';
import { createLogStream } from './process/log-stream.ts';
import { createShutdown } from './process/shutdown.ts';
import { loadOrMakeSigningKey } from './process/signing-key-file.ts';
import { startUpLine } from './process/start-up-line.ts';
import { measureRenderer } from './render/measured-renderer.ts';
import { createRenderer } from './render/render.ts';
import { createRenditionCache } from './renditions/memory-cache.ts';
import { createPurgeEpochs } from './renditions/purge-epochs.ts';
import { createResultStore } from './renditions/result-store.ts';
import { createFolderReceiver } from './stores/folder/folder-receiver.ts';
import { openOriginals, openResults, type StoreOptions } from './stores/open-stores.ts';
import type { ObjectStore } from './stores/store.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { serveMetrics } from './telemetry/metrics-server.ts';
import { BUILT_IN_PRESETS } from './url/built-in-presets.ts';
import { createSignatures } from './url/signature.ts';

const SIGNING_KEY_FILE = './data/signing-key';
const SAVES = { concurrency: 8, attempts: 3, retryDelayMs: 200 };
/**
 * A rendition waits this long for its faces, the start of their thread included. A look takes some 140 ms, so in a burst of
 * new originals about the tenth in line gives up and is framed by attention for a minute.
 */
const FACE_FINDER = { timeoutMs: 1500, waiting: 16, idleMs: 5 * 60_000 };
/** Times the render timeout, which itself only ends what the client waits for: after that no render is honest. */
const HONEST_RENDERS = 3;
/** Evicted buffers stay until V8 collects them, and a render must not begin before; a collection takes some 20 ms. */
const WORTH_COLLECTING = 4 * 1024 * 1024;
/** sharp, file reads and DNS share libuv's threads: with fewer, encodes hold up reads for seconds. */
const SPARE_THREADS = 4;
/** A machine that was woken for a stored rendition answers it before sharp is loaded, which takes some 70 ms. */
const WARM_AFTER_MS = 500;

async function start() {
  const config = readConfig();
  if (keepsFreedMemory(config)) restartFrugally();
  const signingKeys = config.signingKeys ?? [await loadOrMakeSigningKey(SIGNING_KEY_FILE)];
  const [signingKey = Buffer.alloc(0)] = signingKeys;
  const signatures = createSignatures(signingKeys);
  const definitions = await presetDefinitions(config);
  const presets = createPresets({
    definitions,
    inline: config.inlinePresets,
    faces: config.faces,
  });
  const tracing = config.tracing
    ? await (await import('./telemetry/tracing.ts')).createTracing(packageJson.version)
    : undefined;
  const storeOptions: StoreOptions = {
    ...{ timeoutMs: config.storeTimeoutMs, s3: config.s3, originPrivate: config.originPrivate },
    onCall: (call) => metrics.observeStoreCall(call),
    onCircuit(open) {
      metrics.setCircuit(open);
      if (open) log.error('the result store is left alone for a while: it failed too often');
      else log.info('the result store is back');
    },
  };
  const originals = openOriginals(config.originals, storeOptions);
  const results = openResults(config.results, storeOptions);
  const { memory } = config;
  const cache = createRenditionCache(memory.cache);
  const decodes = createDecodeCache(memory.decodes);
  const flights = createSingleFlight<Developed>({
    onLanded: watchGarbage({ young: memory.garbage / 4, all: memory.garbage }),
  });
  const inputBuffers = createInputBuffers(memory.inputs / 4);
  const reader = createOriginalReader(originals, inputBuffers);
  const workQueue = createWorkQueue({
    ...{ slots: config.slots, waiting: config.queue, waitTimeoutMs: config.queueTimeoutMs },
    ...{ workBytes: memory.work + memory.cache + memory.decodes, inputBytes: memory.inputs },
    // What renders need beyond their own share, the caches do without meanwhile: first what is soonest made again.
    onWorkBytes(bytes) {
      const more = bytes - memory.work;
      const evicted = decodes.shrinkBy(more) + cache.shrinkBy(more - memory.decodes);
      if (evicted > WORTH_COLLECTING) collectGarbage();
    },
    onInputBytes: (bytes) => inputBuffers.leaveIdle(memory.inputs - bytes),
  });
  const queue = watchQueue(workQueue, {
    places: config.slots + config.queue,
    onWait: (wait) => metrics.observeWait(wait),
    onRefusal: (reason) => metrics.countRefusal(reason),
    ...(tracing ? { onTurn: tracing.beginWait } : {}),
  });
  const maxOriginalBytes = Math.min(config.maxOriginalBytes, memory.inputs);
  const rawRenderer = createRenderer({
    maxPixels: config.maxOriginalPixels,
    maxFrames: config.maxOriginalFrames,
    timeoutSeconds: Math.ceil(config.renderTimeoutMs / 1000),
  });
  const renderer = measureRenderer(rawRenderer, (render) => metrics.observeRender(render));
  const saves = createWriteBehind({
    ...SAVES,
    maxBytes: memory.saves,
    onSaved: () => metrics.countSave('saved'),
    onRetry: () => metrics.countSave('retried'),
    onLost: ({ key }, reason) => {
      metrics.countSave('lost');
      warn('a rendition was not saved', key, reason);
    },
  });
  const finder = config.faces ? createFaceFinder(FACE_FINDER) : undefined;
  const epochs = createPurgeEpochs();
  const metadata = createOriginalMetadata({
    ...{ finder, results, saves, epochs, warn },
    onLook: (outcome) => metrics.countFaceLook(outcome),
  });
  const resultStore = results && createResultStore({ results, saves, epochs, warn });
  const sources = createSourceSelection({
    ...{ originals: reader, resultStore, renderer, maxOriginalBytes, warn },
  });
  const shop = createShopApi({
    ...{ cache, decodes, epochs, metadata, results, queue, renderer, signatures, reader, signingKey },
    ...{ apiToken: config.apiToken, publicUrl: config.publicUrl, presets: presets.names },
    originals: config.originals.kind === 'origin' ? undefined : (originals as ObjectStore),
    bucket: config.originals.kind === 's3' ? createS3UploadTarget({ ...config.s3, ...config.originals }) : undefined,
    receiver:
      config.originals.kind === 'folder'
        ? createFolderReceiver({ root: config.originals.path, timeoutMs: config.storeTimeoutMs })
        : undefined,
    cdn: config.cdn && createCdnPurge({ ...config.cdn, warn }),
    ...{ maxOriginalBytes, uploadBytes: memory.uploads },
  });
  const playground = config.playground ? createPlayground() : undefined;
  const life = { ready: false, draining: false };
  const metrics = createMetrics({
    ...{ cache, decodes, queue, flights, saves, life, presets: presets.names, version: packageJson.version },
    ...{ slots: config.slots, places: config.queue, memory },
  });
  const logStream = createLogStream();
  const app = buildApp({
    resolveUrl: createUrlResolver({ signatures, presets, renderVersion: renderer.version }),
    ...{
      cache,
      decodes,
      flights,
      queue,
      resultStore,
      sources,
      renderer,
      metadata,
      epochs,
      metrics,
      tracing,
      life,
    },
    maxUploadBytes: maxOriginalBytes,
    renderTimeoutMs: config.renderTimeoutMs,
    nearest: config.nearest,
    api: shop.api,
    folderUploads: shop.api || playground ? shop.folderUploads : undefined,
    playground,
    connectionLimits: { maxConnections: connectionsWithin(memory.limit) },
    logLevel: config.logLevel,
    logStream,
    version: packageJson.version,
  });
  function createPlayground(): PlaygroundDeps {
    const { originals: location } = config;
    const listIds = async () => (location.kind === 'folder' ? pictureIds(location.path) : []);
    const { uploads, imageMeta } = shop;
    return { presets, definitions: checkPresets(definitions), signingKey, metadata, uploads, imageMeta, listIds };
  }
  const { log } = app;
  function warn(what: string, key: string, reason: unknown): void {
    log.warn({ key, ...(reason === undefined ? {} : { err: reason }) }, what);
  }

  let metricsServer: Server | undefined;
  const underWay = () => ({ flights: flights.size, saves: saves.pending });
  const shutdown = createShutdown({
    ...{ timeoutMs: config.shutdownTimeoutMs, log, logStream, life },
    underWay,
    closeServer: () => app.close(),
    drainSaves: (withinMs) => saves.drain(withinMs),
    async release(withinMs) {
      metricsServer?.close();
      await finder?.close();
      await Promise.all([originals.close(), results?.close(), tracing?.close(withinMs)]);
    },
  });
  startWatchdog({
    longestMs: () => queue.longestStayMs,
    limitMs: config.queueTimeoutMs + config.storeTimeoutMs + HONEST_RENDERS * config.renderTimeoutMs,
    onLost(ms) {
      log.fatal({ ms: Math.round(ms) }, 'a render never returned: its slot is lost, so this process ends');
      shutdown.giveUp();
    },
  });
  process.on('SIGINT', shutdown.begin);
  process.on('SIGTERM', shutdown.begin);
  const address = await app.listen({ host: config.host, port: config.port });
  if (config.metricsPort !== undefined) {
    metricsServer = await serveMetrics(metrics, config.host, config.metricsPort);
  }
  life.ready = true;
  setTimeout(() => {
    renderer.warm().catch((error) => {
      log.fatal({ err: error }, 'no picture can be rendered here');
      shutdown.fail('engine');
    });
  }, WARM_AFTER_MS).unref();
  exitWhenIdle(app.server, { afterMs: config.idleExitMs, underWay, onIdle: () => shutdown.begin('idle') });
  log.info(startUpLine(config, address, metricsServer, renderer.version), 'darkroom is up');
  if (config.threadPool < config.slots + SPARE_THREADS) {
    log.warn(
      `UV_THREADPOOL_SIZE is ${config.threadPool}; set it to at least ${config.slots + SPARE_THREADS} before the start`,
    );
  }
  if (!config.production && config.originals.kind === 'folder') {
    const { port } = app.server.address() as AddressInfo;
    const options = {
      baseUrl: `http://localhost:${port}`,
      folder: config.originals.path,
      presets: presets.names,
      signatures,
    };
    process.stdout.write(`\n${await exampleUrls(options)}\n`);
  }
}

async function presetDefinitions({ presetsFile }: Config): Promise<unknown> {
  if (presetsFile === undefined) return BUILT_IN_PRESETS;
  try {
    return JSON.parse(await readFile(presetsFile, 'utf8'));
  } catch (error) {
    throw new ConfigError(`DARKROOM_PRESETS=${presetsFile} cannot be used: ${(error as Error).message}`);
  }
}

// Not awaited: the bundle is a script (build/bundle.ts), which cannot wait outside a function.
start().catch((error: NodeJS.ErrnoException) => {
  process.stderr.write(`Darkroom cannot start.\n${reasonOf(error)}\n`);
  process.exit(1);
});

/** What the operator can mend needs a sentence; anything else its stack. */
function reasonOf(error: NodeJS.ErrnoException & { address?: string; port?: number }): string {
  if (error instanceof ConfigError) return error.message;
  if (error.syscall !== 'listen') return error.stack ?? error.message;
  return `It cannot listen on ${error.address}:${error.port} (${error.code}): set HOST, PORT or DARKROOM_METRICS_PORT.`;
}
