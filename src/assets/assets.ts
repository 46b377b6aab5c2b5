import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { DarkroomError, OperatorError } from '../errors.ts';
import type { KnownAssets } from '../presets/known-assets.ts';
import type { OverlayAssets, OverlayFont } from '../render/effects/overlay/assets.ts';
import { checkOverlayImage } from '../render/effects/overlay/check.ts';
import { SHIPPED_FONT_VERSION, shippedFont } from '../render/effects/overlay/fonts.ts';
import type { ObjectStore, StoredObject } from '../stores/store.ts';
import { fontNames } from './font-names.ts';

/** The shop's images and fonts, all in memory, because keys are made of their digests before any work. */
export interface Assets {
  readonly known: KnownAssets;
  readonly files: OverlayAssets;
  names(): { readonly images: readonly string[]; readonly fonts: readonly string[] };
  /** Reads all of them, before any other call. Throws an OperatorError for the first that cannot be used. */
  load(): Promise<KnownAssets>;
  /** Looks for changed and new images once. Never throws. */
  refresh(): Promise<void>;
  /** Does so every minute. */
  watch(): void;
  close(): Promise<void>;
}

type AssetStore = Pick<ObjectStore, 'list' | 'get' | 'getIfChanged' | 'head'>;

export interface AssetsOptions {
  /** Undefined where there are no assets but the font that ships. */
  readonly store: AssetStore | undefined;
  /** Of all files together. */
  readonly maxBytes: number;
  /** A change that is not taken over, told once. */
  warn(what: string, name: string, reason?: unknown): void;
}

const IMAGES = new Set(['.png', '.webp', '.jpg', '.jpeg', '.gif']);
const FONTS = new Set(['.ttf', '.otf']);
const MAX_FILES = 128;
const MAX_FILE_BYTES = 8 * 1024 * 1024;
/** With the calls that it takes, a change is seen within two minutes. */
const EVERY_MS = 60_000;
/** Renditions whose keys were made of a replaced image may still wait for their turn. */
const KEPT_MS = 10 * EVERY_MS;
const READS_AT_ONCE = 8;

interface Asset {
  readonly digest: string;
  readonly body: Buffer;
  readonly etag: string | undefined;
}

const EMPTY: AssetStore = {
  async *list() {},
  get: async () => undefined,
  getIfChanged: async () => undefined,
  head: async () => 'missing',
};

export function createAssets({ store = EMPTY, maxBytes, warn }: AssetsOptions): Assets {
  const images = new Map<string, Asset>();
  const replaced = new Map<string, { readonly body: Buffer; readonly until: number }>();
  const fontEtags = new Map<string, string | undefined>();
  const fonts: OverlayFont[] = [shippedFont()];
  const told = new Map<string, string>();
  const stopping = new AbortController();
  const { signal } = stopping;
  let [revision, bytes, fontsDigest] = [0, 0, SHIPPED_FONT_VERSION];
  let [folder, timer]: [string | undefined, NodeJS.Timeout | undefined] = [undefined, undefined];

  async function listed(): Promise<string[]> {
    const found: string[] = [];
    for await (const page of store.list('', { signal })) {
      found.push(...page.filter((name) => IMAGES.has(kindOf(name)) || FONTS.has(kindOf(name))));
      if (found.length > MAX_FILES) throw new Error(`there are more than ${MAX_FILES} images and fonts`);
    }
    return found.sort();
  }

  /** Before more is read, or written for Pango. Throws an Error where all together would weigh too much. */
  function count(more: number): void {
    if (bytes + more > maxBytes) throw new Error(`makes all assets together larger than ${maxBytes} bytes`);
    bytes += more;
  }

  /** Throws an Error that says what is wrong with the file. */
  async function toImage(name: string, { body, version }: StoredObject): Promise<Asset> {
    await checkOverlayImage(body);
    count(body.length - (images.get(name)?.body.length ?? 0));
    return { digest: sha256(body), body, etag: version?.etag };
  }

  async function addFont(name: string, { body, version }: StoredObject): Promise<string> {
    const { family, style } = fontNames(body);
    const same = fonts.find((font) => font.name !== '' && font.family === family && font.style === style);
    if (same) throw new Error(`is ${family} ${style}, as ${same.name} is`);
    count(body.length);
    folder ??= await mkdtemp(join(tmpdir(), 'darkroom-fonts-'));
    const path = join(folder, `${fonts.length}${kindOf(name)}`);
    await writeFile(path, body);
    // Of two fonts of one name Pango would take either.
    if (family === shippedFont().family && style === shippedFont().style) fonts[0] = { ...shippedFont(), path };
    fonts.push({ name, path, family, style });
    fontEtags.set(name, version?.etag);
    return `${name} ${sha256(body)}`;
  }

  const limits = { signal, maxBytes: MAX_FILE_BYTES, bodyOnly: true };
  /** Undefined for a file that is gone meanwhile. */
  const read = (name: string, etag?: string) =>
    (etag ? store.getIfChanged(name, etag, limits) : store.get(name, limits)).catch((cause: Error) => {
      const large = cause instanceof DarkroomError && cause.code === 'original_too_large';
      throw new Error(large ? `weighs more than ${MAX_FILE_BYTES} bytes` : 'cannot be read', { cause });
    });

  async function load(): Promise<KnownAssets> {
    const digests: string[] = [];
    let at = '';
    try {
      for (const group of inGroups(await listed())) {
        const reads = group.map((name) => read(name));
        await Promise.allSettled(reads);
        for (const [index, name] of group.entries()) {
          at = name;
          const object = await reads[index];
          if (!object || object === 'unchanged') continue;
          if (FONTS.has(kindOf(name))) digests.push(await addFont(name, object));
          else images.set(name, await toImage(name, object));
        }
      }
    } catch (error) {
      throw new OperatorError(`DARKROOM_ASSETS cannot be used: ${at} ${messageOf(error)}`, { cause: error });
    }
    if (digests.length > 0) fontsDigest = sha256(Buffer.from([SHIPPED_FONT_VERSION, ...digests].join('\n')));
    return known;
  }

  function tell(what: string, name: string, version: string, reason?: unknown): void {
    if (told.get(name) === what + version) return;
    told.set(name, what + version);
    warn(what, name, reason);
  }

  async function lookAt(name: string): Promise<void> {
    if (FONTS.has(kindOf(name))) {
      const version = await store.head(name, { signal });
      const etag = typeof version === 'object' ? version.etag : version;
      if (version !== 'unknown' && etag !== fontEtags.get(name))
        tell('a font was changed, which is used after the next start', name, String(etag));
      return;
    }
    const known = images.get(name);
    let version = '';
    try {
      const found = await read(name, known?.etag);
      if (found === 'unchanged') return void told.delete(name);
      if (!found) return tell('an asset is gone, and its last copy is used', name, version);
      version = String(found.version?.etag);
      const same = known && sha256(found.body) === known.digest;
      const asset = same ? { ...known, etag: found.version?.etag } : await toImage(name, found);
      images.set(name, asset);
      if (same) return;
      if (known) retire(known);
      revision += 1;
    } catch (reason) {
      if (!signal.aborted) tell('an asset cannot be used, and its last copy is', name, version, reason);
    }
  }

  /** Its body stays for a while, and of many the latest do. */
  function retire({ digest, body }: Asset): void {
    replaced.set(digest, { body, until: Date.now() + KEPT_MS });
    let kept = replaced.values().reduce((sum, old) => sum + old.body.length, 0);
    for (const [old, { body: its }] of replaced) {
      if (kept <= MAX_FILE_BYTES) return;
      replaced.delete(old);
      kept -= its.length;
    }
  }

  async function refresh(): Promise<void> {
    const now = Date.now();
    for (const [digest, { until }] of replaced) if (until <= now) replaced.delete(digest);
    try {
      for (const group of inGroups([...new Set([...(await listed()), ...images.keys()])]))
        await Promise.all(group.map(lookAt));
    } catch (reason) {
      if (!signal.aborted) warn('assets could not be looked at', '', reason);
    }
  }

  function watch(): void {
    timer = setTimeout(() => void refresh().finally(() => signal.aborted || watch()), EVERY_MS).unref();
  }

  const known: KnownAssets = {
    get revision() {
      return revision;
    },
    image: (name) => images.get(name)?.digest,
    hasFont: (name) => fonts.some((font) => font.name === name),
    get fontsDigest() {
      return fontsDigest;
    },
  };
  return {
    known,
    files: {
      image: (digest) => images.values().find((asset) => asset.digest === digest)?.body ?? replaced.get(digest)?.body,
      fonts,
    },
    names: () => ({ images: [...images.keys()], fonts: fonts.flatMap(({ name }) => name || []) }),
    ...{ load, refresh, watch },
    async close() {
      stopping.abort();
      clearTimeout(timer);
      if (folder) await rm(folder, { recursive: true, force: true });
    },
  };
}

const kindOf = (name: string) => extname(name).toLowerCase();
const sha256 = (body: Buffer) => createHash('sha256').update(body).digest('hex');

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function inGroups(names: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(names.length / READS_AT_ONCE) }, (_, at) =>
    names.slice(at * READS_AT_ONCE, (at + 1) * READS_AT_ONCE),
  );
}
