import { z } from 'zod';
import { usableCpus } from './cpu-limit.ts';
import { allowedMemory, planMemory } from './memory-plan.ts';

/** Where objects live. */
export type StoreLocation =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 's3'; readonly bucket: string; readonly prefix: string }
  | { readonly kind: 'origin'; readonly url: string }
  | { readonly kind: 'none' };

const KIB = 1024;
const UNITS = { B: 1, KiB: KIB, MiB: KIB ** 2, GiB: KIB ** 3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** A number with one of the units, as bytes or milliseconds. */
function quantity(units: readonly (keyof typeof UNITS)[], expected: string) {
  const pattern = new RegExp(`^(\\d+(?:\\.\\d+)?)(${units.join('|')})$`);
  return z.string().transform((text, context) => {
    const [, amount, unit] = pattern.exec(text) ?? [];
    const value = Math.round(Number(amount) * (UNITS[unit as keyof typeof UNITS] ?? Number.NaN));
    if (value > 0) return value;
    context.addIssue({ code: 'custom', message: expected });
    return z.NEVER;
  });
}

function wholeNumber(from: number, to: number) {
  const expected = `expected a whole number from ${from} to ${to}`;
  return z.string().regex(/^\d+$/, expected).transform(Number).pipe(z.number().min(from, expected).max(to, expected));
}

function choice<const T extends string>(...options: T[]) {
  return z.enum(options, { error: `expected ${options.join(' or ')}` });
}

const size = () => quantity(['B', 'KiB', 'MiB', 'GiB'], 'expected a size such as 64MiB');
const duration = () => quantity(['ms', 's', 'm', 'h'], 'expected a duration such as 5s');
const onOff = () => choice('on', 'off').transform((text) => text === 'on');

function location(allowed: readonly StoreLocation['kind'][], expected: string) {
  return z.string().transform((text, context): StoreLocation => {
    const found = parseLocation(text);
    if (found && allowed.includes(found.kind)) return found;
    context.addIssue({ code: 'custom', message: expected });
    return z.NEVER;
  });
}

function parseLocation(text: string): StoreLocation | undefined {
  if (text === 'none') return { kind: 'none' };
  const [, path] = /^file:(.+)$/.exec(text) ?? [];
  if (path) return { kind: 'folder', path };
  const [, bucket, prefix = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]+)(?:\/(.*))?$/.exec(text) ?? [];
  if (bucket) return { kind: 's3', bucket, prefix };
  if (/^https?:\/\/[^?#]+$/.test(text) && URL.canParse(text)) return { kind: 'origin', url: text };
  return undefined;
}

const signingKeys = z.string().transform((text, context) => {
  const keys = text.split(',').map((key) => key.trim());
  if (keys.every((key) => /^([0-9a-f]{2}){32,}$/i.test(key))) return keys.map((key) => Buffer.from(key, 'hex'));
  context.addIssue({ code: 'custom', message: 'expected a comma list of hex keys of at least 32 bytes each' });
  return z.NEVER;
});

const cdnTarget = z.string().transform((text, context) => {
  const [, kind = '', target = ''] = /^(cloudflare|fastly|bunny|webhook):(.+)$/.exec(text) ?? [];
  const sound = kind === 'webhook' ? /^https?:/.test(target) && URL.canParse(target) : /^[\w-]+$/.test(target);
  if (sound) return { kind: kind as 'cloudflare' | 'fastly' | 'bunny' | 'webhook', target };
  const message = 'expected cloudflare:<zone>, fastly:<service>, bunny:<pull zone> or webhook:<URL>';
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

/** Every setting. One row here, one row in the README. */
const settings = z.object({
  DARKROOM_ORIGINALS: location(
    ['folder', 's3', 'origin'],
    'expected file:<folder>, s3://<bucket>/<prefix> or https://<origin>/',
  ).prefault('file:./data/originals'),
  DARKROOM_RESULTS: location(
    ['folder', 's3', 'none'],
    'expected file:<folder>, s3://<bucket>/<prefix> or none',
  ).prefault('file:./data/results'),
  DARKROOM_ORIGIN_PRIVATE: onOff().prefault('off'),
  DARKROOM_S3_PATH_STYLE: choice('auto', 'on', 'off').prefault('auto'),
  DARKROOM_SIGNING_KEYS: signingKeys.optional(),
  DARKROOM_PRESETS: z.string().optional(),
  DARKROOM_INLINE_PRESETS: onOff().prefault('on'),
  DARKROOM_API_TOKEN: z.string().min(16, 'expected at least 16 characters').optional(),
  DARKROOM_PUBLIC_URL: z
    .url({ protocol: /^https?$/, error: 'expected a URL such as https://img.example.com' })
    .optional(),
  DARKROOM_CDN_PURGE: cdnTarget.optional(),
  DARKROOM_CDN_TOKEN: z.string().optional(),
  DARKROOM_MEMORY_CACHE: size().optional(),
  DARKROOM_SLOTS: wholeNumber(1, 1024).optional(),
  DARKROOM_QUEUE: wholeNumber(0, 100_000).optional(),
  DARKROOM_QUEUE_TIMEOUT: duration().prefault('8s'),
  DARKROOM_NEAREST: onOff().prefault('on'),
  DARKROOM_MAX_ORIGINAL_BYTES: size().prefault('50MiB'),
  DARKROOM_MAX_ORIGINAL_PIXELS: wholeNumber(1, 1_000_000_000).prefault('100000000'),
  DARKROOM_MAX_ORIGINAL_FRAMES: wholeNumber(1, 100_000).prefault('200'),
  DARKROOM_STORE_TIMEOUT: duration().prefault('5s'),
  DARKROOM_RENDER_TIMEOUT: duration().prefault('20s'),
  DARKROOM_FACES: onOff().prefault('on'),
  DARKROOM_METRICS_PORT: z
    .union([z.literal('off').transform(() => undefined), wholeNumber(0, 65_535)], {
      error: 'expected a port from 0 to 65535, or off',
    })
    .prefault('9091'),
  DARKROOM_SHUTDOWN_TIMEOUT: duration().prefault('25s'),
  DARKROOM_IDLE_EXIT: duration().optional(),
  DARKROOM_PLAYGROUND: onOff().optional(),
  DARKROOM_LOG_LEVEL: choice('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent').prefault('info'),
  // Owned by others; their own names.
  NODE_ENV: z.string().optional(),
  HOST: z.string().min(1, 'expected an address to listen on').prefault('0.0.0.0'),
  PORT: wholeNumber(0, 65_535).prefault('8080'),
  AWS_REGION: z.string().optional(),
  AWS_ENDPOINT_URL_S3: z.url('expected a URL such as https://fly.storage.tigris.dev').optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url('expected a URL such as http://localhost:4318').optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: z.url('expected a URL such as http://localhost:4318/v1/traces').optional(),
  // Spans go as JSON, which every receiver of OTLP over HTTP takes; gRPC is another protocol.
  OTEL_EXPORTER_OTLP_PROTOCOL: choice('http/json', 'http/protobuf').optional(),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: choice('http/json', 'http/protobuf').optional(),
  OTEL_TRACES_EXPORTER: choice('otlp', 'none').optional(),
  OTEL_SDK_DISABLED: choice('true', 'false').optional(),
  UV_THREADPOOL_SIZE: wholeNumber(1, 1024).prefault('4'),
  MALLOC_ARENA_MAX: z.string().optional(),
  MALLOC_MMAP_THRESHOLD_: z.string().optional(),
  LD_PRELOAD: z.string().optional(),
});

/** Values that no message may repeat. */
const SECRET = new Set(['DARKROOM_SIGNING_KEYS', 'DARKROOM_API_TOKEN', 'DARKROOM_CDN_TOKEN']);

export type Environment = Readonly<Record<string, string | undefined>>;
export type Config = ReturnType<typeof readConfig>;

/** Thrown for settings that cannot be used; the message names each variable, its value and what was expected. */
export class ConfigError extends Error {}

/** Reads the settings. The only place that looks at `process.env`. Sizes in bytes, durations in milliseconds. */
export function readConfig(environment: Environment = process.env, memoryLimit = allowedMemory()) {
  const unknown = Object.keys(environment).filter((name) => name.startsWith('DARKROOM_') && !(name in settings.shape));
  // An empty DARKROOM_ value is a mistake to report; other programs' variables are often set to nothing.
  const given = Object.fromEntries(
    Object.entries(environment).filter(([name, value]) => value !== '' || name.startsWith('DARKROOM_')),
  );
  const parsed = settings.safeParse(given);
  const problems = unknown.map((name) => `${name} is not a setting of this version`);
  for (const { path, message } of parsed.error?.issues ?? []) {
    const name = String(path[0]);
    problems.push(`${name}=${SECRET.has(name) ? '(hidden)' : (given[name] ?? '')} cannot be used: ${message}`);
  }
  if (parsed.data && !parsed.data.DARKROOM_SIGNING_KEYS && parsed.data.NODE_ENV === 'production') {
    problems.push('DARKROOM_SIGNING_KEYS is not set: expected in production (make one with `openssl rand -hex 32`)');
  }
  if (parsed.data?.DARKROOM_ORIGINALS.kind === 'origin' && !parsed.data.DARKROOM_ORIGIN_PRIVATE) {
    const { url } = parsed.data.DARKROOM_ORIGINALS;
    if (!url.startsWith('https:'))
      problems.push(`DARKROOM_ORIGINALS=${url} cannot be used: expected https:, or DARKROOM_ORIGIN_PRIVATE=on`);
  }
  if (!parsed.data || problems.length > 0) throw new ConfigError(problems.join('\n'));
  const env = parsed.data;

  const memory = planMemory({ limit: memoryLimit, cache: env.DARKROOM_MEMORY_CACHE, faces: env.DARKROOM_FACES });
  if (!memory) throw new ConfigError(tooLittleMemory(memoryLimit, env.DARKROOM_FACES));
  const slots = env.DARKROOM_SLOTS ?? usableCpus();
  const production = env.NODE_ENV === 'production';
  return Object.freeze({
    production,
    host: env.HOST,
    port: env.PORT,
    metricsPort: env.DARKROOM_METRICS_PORT,
    logLevel: env.DARKROOM_LOG_LEVEL,
    originals: env.DARKROOM_ORIGINALS,
    results: env.DARKROOM_RESULTS,
    originPrivate: env.DARKROOM_ORIGIN_PRIVATE,
    s3: {
      // Tigris and R2 call their one region `auto`; AWS itself wants to be told.
      region: env.AWS_REGION ?? (env.AWS_ENDPOINT_URL_S3 ? 'auto' : 'us-east-1'),
      endpoint: env.AWS_ENDPOINT_URL_S3,
      pathStyle:
        env.DARKROOM_S3_PATH_STYLE === 'auto'
          ? needsPathStyle(env.AWS_ENDPOINT_URL_S3)
          : env.DARKROOM_S3_PATH_STYLE === 'on',
    },
    signingKeys: env.DARKROOM_SIGNING_KEYS,
    presetsFile: env.DARKROOM_PRESETS,
    inlinePresets: env.DARKROOM_INLINE_PRESETS,
    apiToken: env.DARKROOM_API_TOKEN,
    publicUrl: env.DARKROOM_PUBLIC_URL?.replace(/\/+$/, ''),
    cdn: env.DARKROOM_CDN_PURGE && { ...env.DARKROOM_CDN_PURGE, token: env.DARKROOM_CDN_TOKEN },
    memory,
    slots,
    queue: env.DARKROOM_QUEUE ?? slots * 16,
    nearest: env.DARKROOM_NEAREST,
    queueTimeoutMs: env.DARKROOM_QUEUE_TIMEOUT,
    maxOriginalBytes: env.DARKROOM_MAX_ORIGINAL_BYTES,
    maxOriginalPixels: env.DARKROOM_MAX_ORIGINAL_PIXELS,
    maxOriginalFrames: env.DARKROOM_MAX_ORIGINAL_FRAMES,
    storeTimeoutMs: env.DARKROOM_STORE_TIMEOUT,
    renderTimeoutMs: env.DARKROOM_RENDER_TIMEOUT,
    shutdownTimeoutMs: env.DARKROOM_SHUTDOWN_TIMEOUT,
    idleExitMs: env.DARKROOM_IDLE_EXIT,
    faces: env.DARKROOM_FACES,
    playground: env.DARKROOM_PLAYGROUND ?? !production,
    tracing:
      env.OTEL_SDK_DISABLED !== 'true' &&
      env.OTEL_TRACES_EXPORTER !== 'none' &&
      (env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? env.OTEL_EXPORTER_OTLP_ENDPOINT) !== undefined,
    threadPool: env.UV_THREADPOOL_SIZE,
    allocator: allocatorName(env.LD_PRELOAD, env.MALLOC_ARENA_MAX, env.MALLOC_MMAP_THRESHOLD_),
  });
}

function tooLittleMemory(limit: number, faces: boolean): string {
  const mib = Math.floor(limit / KIB ** 2);
  const help = faces ? 'DARKROOM_FACES=off, a smaller DARKROOM_MEMORY_CACHE' : 'a smaller DARKROOM_MEMORY_CACHE';
  return `This machine allows ${mib} MiB of memory, which does not suffice: expected ${help}, or more memory`;
}

/** This process's environment with some values set, for a process that follows it. */
export function environmentWith(values: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { ...process.env, ...values };
}

/** What the command line needs; it checks nothing that only a server needs. */
export function readClientConfig(environment: Environment = process.env) {
  const { DARKROOM_SIGNING_KEYS, DARKROOM_PRESETS, DARKROOM_API_TOKEN, DARKROOM_PUBLIC_URL, PORT } = environment;
  const keys = signingKeys.optional().safeParse(DARKROOM_SIGNING_KEYS || undefined);
  if (!keys.success) throw new ConfigError('DARKROOM_SIGNING_KEYS=(hidden) cannot be used: expected hex keys');
  return {
    signingKeys: keys.data,
    presetsFile: DARKROOM_PRESETS || undefined,
    apiToken: DARKROOM_API_TOKEN || undefined,
    serverUrl: `http://127.0.0.1:${PORT || '8080'}`,
    publicUrl: DARKROOM_PUBLIC_URL || undefined,
  };
}

/** Servers reached by address or by a bare name have no bucket sub-domains. */
function needsPathStyle(endpoint: string | undefined): boolean {
  if (!endpoint) return false;
  const { hostname } = new URL(endpoint);
  return /^[\d.]+$|^\[/.test(hostname) || !hostname.includes('.') || hostname.endsWith('.localhost');
}

function allocatorName(preload?: string, arenas?: string, threshold?: string): string {
  const [, library] = /lib(jemalloc|mimalloc|tcmalloc)/.exec(preload ?? '') ?? [];
  const mapped = threshold ? `, mapped from ${threshold} bytes` : '';
  return library ?? (arenas ? `glibc, ${arenas} arenas${mapped}` : 'glibc');
}
