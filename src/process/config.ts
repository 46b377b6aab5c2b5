import { availableParallelism } from 'node:os';
import { OperatorError } from '../errors.ts';
import { allowedMemory, faceThreadsFor, planMemory } from './memory-plan.ts';
import { readS3Environment } from './s3-environment.ts';
import { legacyOf, legacyPresets } from './settings/legacy.ts';
import { signingKeys } from './settings/values.ts';
import { settings } from './settings.ts';

export type { StoreLocation } from './settings/values.ts';

/** Bytes. */
const SMALL_MACHINE = 1024 ** 3;

/** Settings whose values stay out of messages and logs. */
const SECRET = new Set([
  ...['DARKROOM_SIGNING_KEYS', 'DARKROOM_API_TOKEN', 'DARKROOM_CDN_TOKEN', 'DARKROOM_ORIGIN_SECRET'],
  ...['DARKROOM_LEGACY_KEY', 'DARKROOM_LEGACY_SALT'],
]);

export type Environment = Readonly<Record<string, string | undefined>>;
export type Config = ReturnType<typeof readConfig>;

/** Thrown for settings that cannot be used; the message names each variable, its value and what was expected. */
export class ConfigError extends OperatorError {}

/** Reads the settings. The only place that looks at `process.env`. Sizes in bytes, durations in milliseconds. */
export function readConfig(
  environment: Environment = process.env,
  memoryLimit = allowedMemory(),
  // Follows CPU affinity and cgroup v2's cpu.max, rounded down: https://docs.libuv.org/en/v1.x/misc.html#c.uv_available_parallelism
  cpus = availableParallelism(),
) {
  const unknown = Object.keys(environment).filter((name) => name.startsWith('DARKROOM_') && !(name in settings.shape));
  // An empty DARKROOM_ value is a mistake to report; other programs' variables are often set to nothing.
  const given = Object.fromEntries(
    Object.entries(environment).filter(([name, value]) => value !== '' || name.startsWith('DARKROOM_')),
  );
  const parsed = settings.safeParse(given);
  const problems = unknown.map((name) => {
    const near = Object.keys(settings.shape).find((known) => known.startsWith(name) || name.startsWith(known));
    return `${name} is not a setting of this version${near ? ` (did you mean ${near}?)` : ''}`;
  });
  for (const { path, message } of parsed.error?.issues ?? []) {
    const name = String(path[0]);
    problems.push(
      `${name}=${SECRET.has(name) ? '(hidden)' : withoutSecrets(given[name] ?? '')} cannot be used: ${message}`,
    );
  }
  if (parsed.data && !parsed.data.DARKROOM_SIGNING_KEYS && parsed.data.NODE_ENV === 'production') {
    problems.push('DARKROOM_SIGNING_KEYS is not set: expected in production (make one with `openssl rand -hex 32`)');
  }
  if (parsed.data?.DARKROOM_ORIGINALS.kind === 'origin' && !parsed.data.DARKROOM_ORIGIN_PRIVATE) {
    const { url } = parsed.data.DARKROOM_ORIGINALS;
    if (!url.startsWith('https:'))
      problems.push(
        `DARKROOM_ORIGINALS=${withoutSecrets(url)} cannot be used: expected https:, or DARKROOM_ORIGIN_PRIVATE=on`,
      );
  }
  const old = parsed.data && legacyOf(parsed.data);
  problems.push(...(old?.problems ?? []));
  if (!parsed.data || problems.length > 0) throw new ConfigError(problems.join('\n'));
  const env = parsed.data;

  const faceThreads = env.DARKROOM_FACES ? faceThreadsFor(cpus, memoryLimit) : 0;
  const memory = planMemory({
    ...{ limit: memoryLimit, cache: env.DARKROOM_MEMORY_CACHE, faceThreads },
    assets: env.DARKROOM_ASSETS !== undefined,
  });
  if (!memory) throw new ConfigError(tooLittleMemory(memoryLimit, env.DARKROOM_FACES));
  const slots = env.DARKROOM_SLOTS ?? cpus;
  const production = env.NODE_ENV === 'production';
  return Object.freeze({
    production,
    host: env.HOST,
    port: env.PORT,
    metricsPort: env.DARKROOM_METRICS_PORT,
    logLevel: env.DARKROOM_LOG_LEVEL,
    originals: env.DARKROOM_ORIGINALS,
    results: env.DARKROOM_RESULTS,
    assets: env.DARKROOM_ASSETS,
    originPrivate: env.DARKROOM_ORIGIN_PRIVATE,
    s3: {
      // Tigris and R2 call their one region `auto`; AWS has no default region.
      region: env.AWS_REGION ?? (env.AWS_ENDPOINT_URL_S3 ? 'auto' : 'us-east-1'),
      endpoint: env.AWS_ENDPOINT_URL_S3,
      pathStyle:
        env.DARKROOM_S3_PATH_STYLE === 'auto'
          ? needsPathStyle(env.AWS_ENDPOINT_URL_S3)
          : env.DARKROOM_S3_PATH_STYLE === 'on',
      ...readS3Environment(environment),
    },
    signingKeys: env.DARKROOM_SIGNING_KEYS,
    presetsFile: env.DARKROOM_PRESETS,
    inlinePresets: env.DARKROOM_INLINE_PRESETS,
    apiToken: env.DARKROOM_API_TOKEN,
    publicUrl: env.DARKROOM_PUBLIC_URL?.replace(/\/+$/, ''),
    pathPrefix: env.DARKROOM_PATH_PREFIX ?? '',
    originSecrets: env.DARKROOM_ORIGIN_SECRET?.split(/\s*,\s*/),
    legacy: old?.legacy,
    cdn: env.DARKROOM_CDN_PURGE && { ...env.DARKROOM_CDN_PURGE, token: env.DARKROOM_CDN_TOKEN },
    purgeWindowMs: env.DARKROOM_PURGE_WINDOW,
    purgeGraceMs: env.DARKROOM_PURGE_GRACE,
    peers: env.DARKROOM_PEERS,
    originalsCheckMs: env.DARKROOM_ORIGINALS_CHECK,
    memory,
    slots,
    queue: env.DARKROOM_QUEUE ?? slots * 16,
    nearest: env.DARKROOM_NEAREST,
    queueTimeoutMs: env.DARKROOM_QUEUE_TIMEOUT,
    maxOriginalBytes: env.DARKROOM_MAX_ORIGINAL_BYTES,
    decodeLimits: {
      ...{ maxPixels: env.DARKROOM_MAX_ORIGINAL_PIXELS, maxFrames: env.DARKROOM_MAX_ORIGINAL_FRAMES },
      timeoutSeconds: Math.ceil(env.DARKROOM_RENDER_TIMEOUT / 1000),
    },
    storeTimeoutMs: env.DARKROOM_STORE_TIMEOUT,
    renderTimeoutMs: env.DARKROOM_RENDER_TIMEOUT,
    shutdownTimeoutMs: env.DARKROOM_SHUTDOWN_TIMEOUT,
    idleExitMs: env.DARKROOM_IDLE_EXIT,
    faces: env.DARKROOM_FACES,
    engine: env.DARKROOM_ENGINE,
    faceThreads,
    decoders: {
      // A render that decodes holds a slot.
      threads: slots,
      // Of a small machine's memory an idle thread has too large a share.
      idleMs: memoryLimit < SMALL_MACHINE ? 1000 : 10_000,
      without: [...(env.DARKROOM_HEIC ? [] : (['heic'] as const)), ...(env.DARKROOM_SVG ? [] : (['svg'] as const))],
    },
    // It signs for every visitor, so by default only with a key that is good for nothing but this folder.
    playground: env.DARKROOM_PLAYGROUND ?? env.DARKROOM_SIGNING_KEYS === undefined,
    tracing:
      env.OTEL_SDK_DISABLED !== 'true' &&
      env.OTEL_TRACES_EXPORTER !== 'none' &&
      (env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? env.OTEL_EXPORTER_OTLP_ENDPOINT) !== undefined,
    threadPool: env.UV_THREADPOOL_SIZE,
  });
}

/**
 * A value for a message. User and password of a URL (RFC 3986, 3.2.1) are hidden, and its query, where webhooks have tokens.
 * Up to the last `@`, because a value that is no URL may have slashes in its password.
 */
function withoutSecrets(value: string): string {
  return value.replace(/^((?:webhook:)?(?:https?|s3|file):\/*)?.*@/is, '$1(hidden)@').replace(/\?.*/s, '?(hidden)');
}

function tooLittleMemory(limit: number, faces: boolean): string {
  const mib = Math.floor(limit / 1024 ** 2);
  const help = faces ? 'DARKROOM_FACES=off, a smaller DARKROOM_MEMORY_CACHE' : 'a smaller DARKROOM_MEMORY_CACHE';
  return `This machine allows ${mib} MiB of memory, which does not suffice: expected ${help}, or more memory`;
}

/** The settings that the command line uses; those of the server alone are not checked. */
export function readClientConfig(environment: Environment = process.env) {
  const { DARKROOM_SIGNING_KEYS, DARKROOM_PRESETS, DARKROOM_API_TOKEN, DARKROOM_PUBLIC_URL, PORT } = environment;
  const keys = signingKeys.optional().safeParse(DARKROOM_SIGNING_KEYS || undefined);
  if (!keys.success) throw new ConfigError('DARKROOM_SIGNING_KEYS=(hidden) cannot be used: expected hex keys');
  const pathPrefix = settings.shape.DARKROOM_PATH_PREFIX.safeParse(environment.DARKROOM_PATH_PREFIX || undefined);
  if (!pathPrefix.success)
    throw new ConfigError('DARKROOM_PATH_PREFIX cannot be used: expected a path such as /images');
  const renderTimeout = settings.shape.DARKROOM_RENDER_TIMEOUT.safeParse(
    environment.DARKROOM_RENDER_TIMEOUT || undefined,
  );
  if (!renderTimeout.success)
    throw new ConfigError('DARKROOM_RENDER_TIMEOUT cannot be used: expected a duration such as 5s');
  const oldPresets = legacyPresets.safeParse(environment.DARKROOM_LEGACY_PRESETS ?? '');
  if (!oldPresets.success)
    throw new ConfigError('DARKROOM_LEGACY_PRESETS cannot be used: expected <name>=<options>, separated by semicolons');
  return {
    signingKeys: keys.data,
    renderTimeoutMs: renderTimeout.data,
    faces: environment.DARKROOM_FACES !== 'off',
    presetsFile: DARKROOM_PRESETS || undefined,
    apiToken: DARKROOM_API_TOKEN || undefined,
    serverUrl: `http://127.0.0.1:${PORT || '8080'}`,
    publicUrl: DARKROOM_PUBLIC_URL || undefined,
    pathPrefix: pathPrefix.data ?? '',
    legacyWatermark: environment.DARKROOM_LEGACY_WATERMARK || 'watermark.png',
    legacyPresets: oldPresets.data,
  };
}

/**
 * Texts are set in the fonts that the server names and in none of the machine's: fontconfig reads this variable when libvips sets its
 * first text (https://www.freedesktop.org/software/fontconfig/fontconfig-user.html).
 */
export function setFontconfigFile(path: string): void {
  process.env.FONTCONFIG_FILE = path;
}

/** Servers reached by address, by a bare name or below a path have no bucket sub-domains. */
function needsPathStyle(endpoint: string | undefined): boolean {
  if (!endpoint) return false;
  const { hostname, pathname } = new URL(endpoint);
  return (
    pathname !== '/' || /^[\d.]+$|^\[/.test(hostname) || !hostname.includes('.') || hostname.endsWith('.localhost')
  );
}
