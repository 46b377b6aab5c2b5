import { z } from 'zod';
import { legacyPresets, legacySources } from './settings/legacy.ts';
import {
  cdnTarget,
  choice,
  duration,
  durationOrNone,
  location,
  ORIGIN_SECRETS,
  onOff,
  PATH_PREFIX,
  peersAddress,
  signingKeys,
  size,
  wholeNumber,
} from './settings/values.ts';

/** A setting with its row in docs/settings.md: its meaning, and its default where that is computed. */
function documented<T extends z.ZodType>(meaning: string, schema: T, otherwise?: string): T {
  return schema.meta({ description: meaning, otherwise }) as T;
}

/** Every setting, as its text in the environment is checked and read. Sizes in bytes, durations in milliseconds. */
export const settings = z.object({
  DARKROOM_ORIGINALS: documented(
    'a folder, `s3://bucket/prefix`, or `https://origin.example/originals/`',
    location(
      ['folder', 's3', 'origin'],
      'expected file:<folder>, s3://<bucket>/<prefix> or https://<origin>/',
    ).prefault('file:./data/originals'),
  ),
  DARKROOM_RESULTS: documented(
    'a folder, `s3://bucket/prefix`, or `none`',
    location(['folder', 's3', 'none'], 'expected file:<folder>, s3://<bucket>/<prefix> or none').prefault(
      'file:./data/results',
    ),
  ),
  DARKROOM_ASSETS: documented(
    'a folder or `s3://bucket/prefix` with the images and fonts that presets name; a changed image is used within two minutes, a changed font after the next start',
    location(['folder', 's3'], 'expected file:<folder> or s3://<bucket>/<prefix>').optional(),
    'unset',
  ),
  DARKROOM_SIGNING_KEYS: documented(
    'comma list of hex keys of at least 32 bytes; the first signs, all verify. Needed in production; else one is made in `data/signing-key`',
    signingKeys.optional(),
    'unset',
  ),
  DARKROOM_PRESETS: documented('a JSON file', z.string().optional(), 'built-in'),
  DARKROOM_INLINE_PRESETS: documented('whether recipes may stand in URLs', onOff().prefault('on')),
  DARKROOM_API_TOKEN: documented(
    'at least 16 characters: opens the API under `/v1` to requests that carry it; unset, there is none',
    z.string().min(16, 'expected at least 16 characters').optional(),
    'unset',
  ),
  DARKROOM_PUBLIC_URL: documented(
    'where renditions are fetched, for the URLs that the API signs',
    z.url({ protocol: /^https?$/, error: 'expected a URL such as https://img.example.com' }).optional(),
    'where the API was reached',
  ),
  DARKROOM_PATH_PREFIX: documented(
    "what the paths of all pictures begin with, such as `/images` under the shop's own host; `/health` and `/ready` answer below it too",
    z.string().regex(PATH_PREFIX, 'expected a path such as /images, no slash at its end, none of ours').optional(),
    'unset',
  ),
  DARKROOM_ORIGIN_SECRET: documented(
    'pictures are 403 without it in `X-Origin-Secret`, which the CDN adds; two, with a comma, while it is changed',
    z.string().regex(ORIGIN_SECRETS, 'expected one or two values of 16 to 256 characters without a space').optional(),
    'unset',
  ),
  DARKROOM_LEGACY: documented(
    'while a shop moves: answers signed URLs of `imgproxy`, `thumbor` or `cloudinary` too (docs/moving-in.md)',
    choice('imgproxy', 'thumbor', 'cloudinary').optional(),
    'unset',
  ),
  DARKROOM_LEGACY_KEY: documented(
    "the key of that server: imgproxy's in hex, several with commas; Thumbor's security key; Cloudinary's API secret, or the whole CLOUDINARY_URL",
    z.string().optional(),
    'unset',
  ),
  DARKROOM_LEGACY_SALT: documented("imgproxy's salt in hex, one for each key", z.string().optional(), 'unset'),
  DARKROOM_LEGACY_SIGNATURE_SIZE: documented(
    "bytes of imgproxy's signatures; shorter ones can be guessed",
    wholeNumber(6, 32).prefault('32'),
  ),
  DARKROOM_LEGACY_SOURCE: documented(
    'the ids of addresses in old URLs, as `<URL prefix>=<id prefix>`, several with commas or spaces: `https://cdn.example.com/photos/=photos/`; other addresses are 404, none is fetched; `*` in the id stands for the rest',
    legacySources.optional(),
    'unset',
  ),
  DARKROOM_LEGACY_FORMAT: documented(
    'of old URLs that say none: `base` is JPEG or PNG, `auto` goes by Accept',
    choice('base', 'auto').prefault('base'),
  ),
  DARKROOM_LEGACY_WATERMARK: documented(
    "the asset that stands for imgproxy's watermark",
    z.string().min(1, 'expected the name of an asset').optional(),
    'unset',
  ),
  DARKROOM_LEGACY_PRESETS: documented(
    "imgproxy's presets or Cloudinary's named transformations, as `<name>=<options>`, separated by semicolons",
    legacyPresets.optional(),
    'unset',
  ),
  DARKROOM_CDN_PURGE: documented(
    'what a purge tells: `cloudflare:<zone>`, `fastly:<service>`, `bunny:<pull zone>`, `webhook:<URL>`',
    cdnTarget.optional(),
    'unset',
  ),
  DARKROOM_CDN_TOKEN: documented("the CDN's token for that", z.string().optional(), 'unset'),
  DARKROOM_PURGE_WINDOW: documented(
    'how long a machine trusts what it holds of an original before it asks the record again: a purge holds everywhere after this',
    duration().prefault('30s'),
  ),
  DARKROOM_PURGE_GRACE: documented(
    'how long it is sent at most, with `max-age=60`, while the record cannot be asked; `0s` sends nothing then',
    durationOrNone().prefault('10m'),
  ),
  DARKROOM_PEERS: documented(
    '`host:port` of all machines by one name, such as `<app>.internal:8080` on Fly: each is told of a purge at once',
    peersAddress.optional(),
    'unset',
  ),
  DARKROOM_ORIGINALS_CHECK: documented(
    'an original that was not asked for so long is asked by HEAD before a cached answer, so that a replaced one is noticed',
    duration().optional(),
    'unset',
  ),
  DARKROOM_MEMORY_CACHE: documented(
    'renditions kept in memory; whole pictures take a sixteenth of the memory beside them, and no more than this',
    size().optional(),
    'a quarter of the memory that the cgroup allows, less on small machines',
  ),
  DARKROOM_SLOTS: documented(
    'renders at a time',
    wholeNumber(1, 1024).optional(),
    'usable CPUs, no more than the cgroup allows',
  ),
  DARKROOM_QUEUE: documented(
    'renders that may wait; the next is answered 503',
    wholeNumber(0, 100_000).optional(),
    '16 per slot',
  ),
  DARKROOM_QUEUE_TIMEOUT: documented('the longest that one waits', duration().prefault('8s')),
  DARKROOM_NEAREST: documented(
    'when all places are taken, another size of the same crop that is in memory is sent (uncached) instead of a 503',
    onOff().prefault('on'),
  ),
  DARKROOM_SVG: documented('`on` draws SVG, a program by strangers; not its text', onOff().prefault('off')),
  DARKROOM_MAX_ORIGINAL_BYTES: documented('larger originals are 413', size().prefault('50MiB')),
  DARKROOM_MAX_ORIGINAL_PIXELS: documented('likewise', wholeNumber(1, 1_000_000_000).prefault('100000000')),
  DARKROOM_MAX_ORIGINAL_FRAMES: documented('likewise', wholeNumber(1, 100_000).prefault('200')),
  DARKROOM_STORE_TIMEOUT: documented('for one call of a store, body included', duration().prefault('5s')),
  DARKROOM_RENDER_TIMEOUT: documented('for one render', duration().prefault('20s')),
  DARKROOM_SHUTDOWN_TIMEOUT: documented('from the signal to the exit', duration().prefault('25s')),
  DARKROOM_IDLE_EXIT: documented(
    'after this long without a request (health checks do not count) and with everything saved, it ends with exit code 0, for hosts that start it again but do not stop it',
    duration().optional(),
    'unset',
  ),
  DARKROOM_ORIGIN_PRIVATE: documented(
    'lets an HTTP origin be `http:` and have a private or loopback address',
    onOff().prefault('off'),
  ),
  DARKROOM_S3_PATH_STYLE: documented(
    "`on` for servers without bucket sub-domains; `auto` sees that from the endpoint's name",
    choice('auto', 'on', 'off').prefault('auto'),
  ),
  DARKROOM_METRICS_PORT: documented(
    'or `off`',
    z
      .union([z.literal('off').transform(() => undefined), wholeNumber(0, 65_535)], {
        error: 'expected a port from 0 to 65535, or off',
      })
      .prefault('9091'),
  ),
  DARKROOM_FACES: documented('`off` never looks for faces; cover crops go by attention', onOff().prefault('on')),
  DARKROOM_ENGINE: documented(
    '`off` renders by sharp alone, also where the native engine was built or installed',
    onOff().prefault('on'),
  ),
  DARKROOM_HEIC: documented('`off` refuses HEIC, whose coding is under patents', onOff().prefault('on')),
  DARKROOM_PLAYGROUND: documented(
    'a page at `/playground` to make and try presets with; it signs URLs for all its visitors',
    onOff().optional(),
    '`on` with a key that the server made for itself, else `off`',
  ),
  DARKROOM_LOG_LEVEL: documented(
    '`trace` to `fatal`, or `silent`',
    choice('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent').prefault('info'),
  ),
  UV_THREADPOOL_SIZE: documented(
    'set it to slots plus four or more before the start; `npm start` does',
    wholeNumber(1, 1024).prefault('4'),
  ),
  // Variables that other programs define keep their names.
  NODE_ENV: z.string().optional(),
  HOST: documented(
    'the address where it listens; `npm start` listens on loopback',
    z.string().min(1, 'expected an address to listen on').prefault('0.0.0.0'),
  ),
  PORT: documented('the port', wholeNumber(0, 65_535).prefault('8080')),
  AWS_REGION: z.string().optional(),
  AWS_ENDPOINT_URL_S3: z.url('expected a URL such as https://fly.storage.tigris.dev').optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url('expected a URL such as http://localhost:4318').optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: z.url('expected a URL such as http://localhost:4318/v1/traces').optional(),
  // Spans are sent as JSON, which every receiver of OTLP over HTTP accepts; gRPC is another protocol.
  OTEL_EXPORTER_OTLP_PROTOCOL: choice('http/json', 'http/protobuf').optional(),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: choice('http/json', 'http/protobuf').optional(),
  OTEL_TRACES_EXPORTER: choice('otlp', 'none').optional(),
  OTEL_SDK_DISABLED: choice('true', 'false').optional(),
});

/** A row of the table in docs/settings.md: name, default, meaning, each in Markdown. */
export function settingRows(): [name: string, otherwise: string, meaning: string][] {
  return Object.entries(settings.shape).flatMap(([name, schema]) => {
    const { description, otherwise } = schema.meta() ?? {};
    if (!description) return [];
    const fixed = schema.def.type === 'prefault' ? (schema.def as { defaultValue?: unknown }).defaultValue : undefined;
    return [[`\`${name}\``, String(otherwise ?? (fixed === undefined ? 'unset' : `\`${fixed}\``)), description]];
  });
}
