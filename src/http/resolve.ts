import { LRUCache } from 'lru-cache';
import { type DarkroomError, errors } from '../errors.ts';
import { createLegacyUrls } from '../legacy/legacy-urls.ts';
import type { LegacySettings } from '../legacy/scheme.ts';
import type { Presets, Variant } from '../presets/presets.ts';
import { cacheTagsOf, renditionKey } from '../renditions/keys.ts';
import type { LegacyTrace } from '../telemetry/request-context.ts';
import { formatImagePath } from '../url/image-path.ts';
import { type ImageUrl, parseImageUrl } from '../url/image-url.ts';
import { withoutHost } from '../url/parse-image-path.ts';
import type { Signatures } from '../url/signature.ts';
import { contentDisposition } from './content-disposition.ts';
import { BEFORE_SIGNATURE, legacyImage } from './legacy/legacy-target.ts';

/** The rendition that a URL names, known before any work and without any store. */
export interface Target {
  readonly url: ImageUrl;
  readonly variant: Variant;
  /** The rendition's key in cache and store. */
  readonly key: string;
  /** The path of the canonical spelling, with its query, where this URL's suffix has another; undefined where it has not. */
  readonly moved: string | undefined;
  /** Whether Accept chose the format. */
  readonly negotiated: boolean;
  /** The number of the epoch that its `v` tells of, as the API's answers do; 0 without, and of tokens that are no such number. */
  readonly leastEpoch: number;
  /** Headers of every rendition that is answered for this URL. */
  readonly headers: Readonly<Record<string, string>>;
  /** Set for a URL of another server. */
  readonly legacy?: LegacyTrace | undefined;
}

/** Filled in on the way, for the log and for errors. */
export interface Traces {
  preset?: string;
  id?: string;
  negotiated?: boolean;
  legacy?: LegacyTrace;
}

export interface UrlResolverDeps {
  readonly signatures: Signatures;
  readonly presets: Presets;
  readonly renderVersion: string;
  /** What the paths of all pictures begin with, such as `/images`; empty where left out. */
  readonly pathPrefix?: string | undefined;
  /** The server whose URLs are answered too, while a shop moves away from it; none where undefined. */
  readonly legacy?: LegacySettings | undefined;
}

/** Throws `bad_request`, `bad_signature`, `expired` and `unknown_preset`. */
export type ResolveUrl = (requestTarget: string, accept: string | undefined, traces: Traces) => Target;

/** At some 1.5 KB each, and up to 10 with parameters: as many as are hot in memory. */
const MAX_REMEMBERED = 2000;

/**
 * The first half of the journey. Targets are remembered by the URL as it was sent, so that signature and digests are
 * computed once; the expiry is checked each time. Errors are not remembered.
 */
export function createUrlResolver({ signatures, presets, renderVersion, ...deps }: UrlResolverDeps): ResolveUrl {
  const { pathPrefix = '' } = deps;
  const legacy = deps.legacy && createLegacyUrls(deps.legacy);
  const remembered = new LRUCache<string, Target>({ max: MAX_REMEMBERED });

  function resolveUrl(requestTarget: string, accept: string | undefined, traces: Traces): Target {
    const url = parseImageUrl(requestTarget, pathPrefix); // 400
    traces.preset = url.preset;
    traces.id = url.id;
    if (!signatures.verify(url.signature, url)) throw errors.badSignature(); // 403
    const negotiated = presets.negotiates(url.preset, url.suffix);
    traces.negotiated = negotiated;
    refuseExpired(url); // 410
    const variant = versioned(presets.resolve(url.preset, url.suffix, accept, url.variables), url); // 404
    const suffix = presets.canonicalSuffix(url.preset, url.suffix);
    const moved = suffix === url.suffix ? undefined : pathPrefix + formatImagePath({ ...url, suffix });
    return { ...targetOf(url, variant, negotiated), moved };
  }

  /** What follows from a URL and its variant, whichever server's signature it carries. */
  function targetOf(url: ImageUrl, variant: Variant, negotiated: boolean): Omit<Target, 'moved' | 'legacy'> {
    const key = renditionKey(url.id, variant, renderVersion);
    return { url, variant, key, negotiated, leastEpoch: epochIn(url), headers: headersOf(url, negotiated) };
  }

  /** Ours first; an old URL only where ours was refused before its signature was found right. */
  function resolveAny(requestTarget: string, accept: string | undefined, traces: Traces): Target {
    if (!legacy) return resolveUrl(requestTarget, accept, traces);
    try {
      return resolveUrl(requestTarget, accept, traces);
    } catch (error) {
      const old = BEFORE_SIGNATURE.has((error as DarkroomError).code) && resolveLegacy(requestTarget, accept, traces);
      if (!old) throw error;
      return old;
    }
  }

  function resolveLegacy(requestTarget: string, accept: string | undefined, traces: Traces): Target | undefined {
    const path = withoutHost(requestTarget);
    if (!legacy || !path.startsWith(`${pathPrefix}/`)) return undefined;
    const image = legacyImage({ legacy, presets }, path.slice(pathPrefix.length), accept, traces);
    if (!image) return undefined;
    const { url, variant, negotiated } = image;
    refuseExpired(url); // 410
    return { ...targetOf(url, variant, negotiated), moved: undefined, legacy: traces.legacy };
  }

  let { revision } = presets;
  return function target(requestTarget: string, accept: string | undefined, traces: Traces): Target {
    if (presets.revision !== revision) {
      remembered.clear();
      revision = presets.revision;
    }
    // By the class of Accept, so that its other types make no entries. A request target contains no space.
    const name = `${presets.acceptClass(accept)} ${requestTarget}`;
    const known = remembered.get(name);
    if (!known) {
      const found = resolveAny(requestTarget, accept, traces);
      remembered.set(name, found);
      return found;
    }
    traces.preset = known.url.preset;
    traces.id = known.url.id;
    traces.negotiated = known.negotiated;
    if (known.legacy) traces.legacy = known.legacy;
    refuseExpired(known.url);
    return known;
  };
}

/** The shop's version is part of the recipe, and so of everything that is kept under a key or shared. */
function versioned(variant: Variant, { version }: ImageUrl): Variant {
  return version === undefined ? variant : { ...variant, recipe: { ...variant.recipe, version } };
}

/** A shop's own numbers count too: they cost one look at the record for each rendition. */
function epochIn({ version = '' }: ImageUrl): number {
  const number = Number(version);
  return Number.isSafeInteger(number) && String(number) === version ? number : 0;
}

function refuseExpired({ expiresAt }: ImageUrl): void {
  if (expiresAt !== undefined && expiresAt <= Date.now() / 1000) throw errors.expired();
}

/** By Cloudflare's, CloudFront's, bunny.net's and Fastly's documentation; each looks for its own name only. */
function headersOf({ id, download }: ImageUrl, negotiated: boolean): Readonly<Record<string, string>> {
  const tags = cacheTagsOf(id);
  const [listed, spaced] = [tags.join(','), tags.join(' ')];
  return {
    ...{ 'cache-tag': listed, 'cdn-tag': listed, 'surrogate-key': spaced, 'accept-ranges': 'none' },
    ...(negotiated ? { vary: 'Accept' } : {}),
    ...(download === undefined ? {} : { 'content-disposition': contentDisposition(download) }),
  };
}
