#!/usr/bin/env node
/** The command line. Exit codes: 0 done, 1 failed, 2 not understood. */
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { type KnownAssets, NO_ASSETS } from './presets/known-assets.ts';
import { namesAssets } from './presets/named-assets.ts';
import { refuseUnusable } from './presets/presets.ts';
import { describeChange, diffPresets } from './presets/presets-diff.ts';
import { checkPresets } from './presets/schema.ts';
import { readClientConfig } from './process/config.ts';
import { readJson } from './process/presets-file.ts';
import { loadSigningKey } from './process/signing-key-file.ts';
import { BUILT_IN_PRESETS } from './url/built-in-presets.ts';
import type { ImageFormat } from './url/markup/shapes.ts';
import { createImageUrls } from './url/sdk.ts';

const HELP = `darkroom <command> [--json]

  serve                            the image server; its settings are environment variables (docs/settings.md)
  sign <preset> <id>               a signed URL
       --width N --ratio N --format F --expires-in SECONDS --base-url URL
       --download NAME --original-version TOKEN
  keys new                         a fresh signing key
  presets check <file>             whether a presets file is valid, and what it would change against the
                                   running one (DARKROOM_PRESETS, else the built-in presets)
  presets suggest <log>...         presets for what access logs asked for; what they cover, on standard error
  purge <id> [--original]          takes an image down at a running server (DARKROOM_API_TOKEN)
  verify [--prefix P] [--purge]    compares originals with their records, by the server's settings: which were
         [--force]                 replaced, which are gone; --purge takes those down at a running server
  health                           whether a server answers
       --server URL                for purge and health; http://127.0.0.1:$PORT when left out

Exit codes: 0 done, 1 failed, 2 not understood.
`;

const OPTIONS = {
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  width: { type: 'string' },
  ratio: { type: 'string' },
  format: { type: 'string' },
  'expires-in': { type: 'string' },
  'base-url': { type: 'string' },
  download: { type: 'string' },
  'original-version': { type: 'string' },
  original: { type: 'boolean' },
  server: { type: 'string' },
  prefix: { type: 'string' },
  purge: { type: 'boolean' },
  force: { type: 'boolean' },
} as const;

const SERVER_NODE = 24;
const HEALTH_TIMEOUT_MS = 3000;
const PURGE_TIMEOUT_MS = 65_000;

class UsageError extends Error {}

/** The result of a command: as text, and as JSON for `--json`. */
interface Outcome {
  readonly text: string;
  readonly data: unknown;
  readonly failed?: boolean;
  /** For people, beside the text: on the standard error. */
  readonly notes?: string;
}

type Flags = ReturnType<typeof parse>['values'];
type Command = (words: string[], flags: Flags) => Promise<Outcome>;

const COMMANDS: Readonly<Record<string, Command>> = {
  async sign([preset, id, ...more], flags) {
    if (!preset || !id || more.length > 0) throw new UsageError('sign needs a preset and an id');
    const { signingKeys, presetsFile, publicUrl, serverUrl, pathPrefix } = readClientConfig();
    const [key = await loadSigningKey()] = signingKeys ?? [];
    const presets = checkPresets(presetsFile ? await readJson(presetsFile) : BUILT_IN_PRESETS);
    const baseUrl = flags['base-url'] ?? publicUrl ?? serverUrl + pathPrefix;
    const seconds = numberOf('expires-in', flags['expires-in']);
    const url = createImageUrls({ baseUrl, key, presets }).url(id, preset, {
      width: numberOf('width', flags.width),
      pixelRatio: numberOf('ratio', flags.ratio),
      format: flags.format as ImageFormat | undefined,
      expiresAt: seconds === undefined ? undefined : Math.floor(Date.now() / 1000) + seconds,
      download: flags.download,
      version: flags['original-version'],
    });
    return { text: url, data: { url } };
  },

  async keys([action, ...more]) {
    if (action !== 'new' || more.length > 0) throw new UsageError('keys knows one action: new');
    const key = randomBytes(32).toString('hex');
    return { text: key, data: { key } };
  },

  async presets([action, file, ...more]) {
    if (action === 'suggest' && file) return suggest([file, ...more]);
    if (action !== 'check' || !file || more.length > 0)
      throw new UsageError('presets needs check and a file, or suggest and logs');
    const { presetsFile, renderTimeoutMs, faces } = readClientConfig();
    const running = presetsFile ? await readJson(presetsFile) : BUILT_IN_PRESETS;
    const next = await readJson(file);
    const changes = diffPresets(running, next);
    const checked = checkPresets(next);
    const assets = namesAssets(checked) ? await loadAssets() : NO_ASSETS;
    refuseUnusable(checked, { renderTimeoutMs, faces, assets });
    return { text: [`${file} is valid.`, ...changes.map(describeChange)].join('\n'), data: { valid: true, changes } };
  },

  async purge([id, ...more], flags) {
    if (!id || more.length > 0) throw new UsageError('purge needs an id');
    return purgeAt(flags, id, flags.original ?? false);
  },

  async verify(more, flags) {
    if (more.length > 0) throw new UsageError('verify takes no words');
    const [{ readConfig }, { openOriginals, openResults }, { describeVerification, verifyOriginals }] =
      await Promise.all([
        import('./process/config.ts'),
        import('./stores/open-stores.ts'),
        import('./originals/records/verify.ts'),
      ]);
    const { originals: location, results: resultsLocation, ...config } = readConfig();
    const { storeTimeoutMs: timeoutMs, s3, originPrivate, maxOriginalBytes } = config;
    const options = { timeoutMs, s3, originPrivate, onCall: () => {}, onCircuit: () => {} };
    const originals = openOriginals(location, options).reader;
    const results = openResults(resultsLocation, options);
    if (!results) throw new Error('DARKROOM_RESULTS=none keeps no records that could be compared.');
    const { prefix = '', force = false } = flags;
    const { signal } = new AbortController();
    const report = await verifyOriginals({ results, originals, prefix, maxOriginalBytes, force, signal });
    await Promise.all([originals.close(), results.close()]);
    const lines = describeVerification(report);
    let failed = report.stopped;
    for (const id of flags.purge && !report.stopped ? [...report.replaced, ...report.gone] : []) {
      // One that fails keeps no other one up.
      const purged = await purgeAt(flags, id, false).catch((error: Error) => ({
        ...{ text: `not purged: ${id}: ${error.message}`, failed: true },
      }));
      lines.push(purged.text);
      failed ||= purged.failed ?? false;
    }
    return { text: lines.join('\n'), data: report, failed };
  },

  async health(more, flags) {
    if (more.length > 0) throw new UsageError('health takes no words');
    const { serverUrl } = readClientConfig();
    const answer = await fetch(`${flags.server ?? serverUrl}/health`, {
      signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS),
    });
    const data = (await answer.json()) as { status?: string; version?: string };
    return { text: `${data.status} ${data.version}`, data, failed: !answer.ok };
  },
};

async function suggest(logs: readonly string[]): Promise<Outcome> {
  const { suggestFromLogs } = await import('./legacy/suggest/suggest.ts');
  const { presetsFile, ...config } = readClientConfig();
  const running = checkPresets(presetsFile ? await readJson(presetsFile) : BUILT_IN_PRESETS);
  const { presets, table, report } = await suggestFromLogs(logs, { ...config, running, loadAssets });
  return { text: JSON.stringify(presets, null, 2), data: { presets, ...report }, notes: table };
}

/** Those of `DARKROOM_ASSETS`, by the server's settings. */
async function loadAssets(): Promise<KnownAssets> {
  const [{ readConfig }, { openAssets }, { createAssets }] = await Promise.all([
    import('./process/config.ts'),
    import('./stores/open-stores.ts'),
    import('./assets/assets.ts'),
  ]);
  const { assets: location, storeTimeoutMs: timeoutMs, s3, originPrivate, memory } = readConfig();
  const store = openAssets(location, { timeoutMs, s3, originPrivate, onCall: () => {}, onCircuit: () => {} });
  const assets = createAssets({ store, maxBytes: memory.assets, warn: () => {} });
  return assets.load().finally(() => Promise.all([assets.close(), store?.close()]));
}

/** Takes an image down at a running server. */
async function purgeAt({ server }: Flags, id: string, original: boolean): Promise<Outcome> {
  const { apiToken, serverUrl } = readClientConfig();
  if (!apiToken) throw new Error('DARKROOM_API_TOKEN is not set: a purge needs the token of the server.');
  const query = original ? '?original=true' : '';
  const answer = await fetch(`${server ?? serverUrl}/v1/images/${encodeURIComponent(id)}${query}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${apiToken}` },
    signal: AbortSignal.timeout(PURGE_TIMEOUT_MS),
  });
  const data = (await answer.json()) as {
    message?: string;
    removed?: Record<string, unknown>;
    cdn?: string;
    machines?: { told: number; failed: number };
  };
  if (!answer.ok) throw new Error(`The server answered ${answer.status}: ${data.message}`);
  const { memory, results, original: removed } = data.removed ?? {};
  const { told = 0, failed = 0 } = data.machines ?? {};
  const machines = told + failed > 0 ? `, machines ${told} told and ${failed} not` : '';
  const text = `${id}: ${memory} from memory, ${results} from the store, original ${removed ? 'removed' : 'kept'}, CDN ${data.cdn}${machines}`;
  return { text, data, failed: data.cdn === 'failed' };
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (Number.isFinite(Number(text)) && Number(text) > 0) return Number(text);
  throw new UsageError(`--${name} must be a number above 0, not ${text}`);
}

async function run(args: string[]): Promise<number> {
  const asJson = args.includes('--json');
  try {
    const { values, positionals } = parse(args);
    const [name, ...words] = positionals;
    if (values.help || name === 'help') {
      process.stdout.write(HELP);
      return 0;
    }
    const command = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (!command) throw new UsageError(name === undefined ? 'a command is missing' : `there is no command ${name}`);
    const { text, data, failed = false, notes } = await command(words, values);
    if (notes) process.stderr.write(`${notes}\n`);
    process.stdout.write(`${asJson ? JSON.stringify(data) : text}\n`);
    return failed ? 1 : 0;
  } catch (error) {
    const usage = error instanceof UsageError;
    const { message, cause } = error as Error;
    const reason = cause instanceof Error ? `${message}: ${cause.message}` : message;
    if (asJson) process.stdout.write(`${JSON.stringify({ error: reason })}\n`);
    process.stderr.write(usage ? `darkroom: ${reason}\n\n${HELP}` : `darkroom: ${reason}\n`);
    return usage ? 2 : 1;
  }
}

async function serve(): Promise<void> {
  const [major = '0'] = process.versions.node.split('.');
  if (Number(major) >= SERVER_NODE) return void (await import('./main.ts'));
  process.stderr.write(`darkroom: the server needs Node ${SERVER_NODE} or newer; this is ${process.version}\n`);
  process.exitCode = 1;
}

const [command, ...rest] = process.argv.slice(2);
if (command === 'serve' && rest.length === 0) await serve();
else process.exitCode = await run(process.argv.slice(2));
