import { LRUCache } from 'lru-cache';
import { errors } from '../errors.ts';
import type { Presets, Variant } from '../presets/presets.ts';
import { cacheTagOf, etagOf, renditionKey } from '../renditions/rendition.ts';
import { type ImageUrl, parseImageUrl } from '../url/image-url.ts';
import type { Signatures } from '../url/signature.ts';
import { cacheControl } from './http-cache.ts';

/** The rendition that a URL names, known before any work and without any store. */
export interface Target {
  readonly url: ImageUrl;
  readonly variant: Variant;
  /** The rendition's key in cache and store. */
  readonly key: string;
  readonly etag: string;
  /** Whether Accept chose the format. */
  readonly negotiated: boolean;
  /** Headers of every answer for it: cache tags and Vary. */
  readonly named: Readonly<Record<string, string>>;
  /** Headers of the rendition; undefined for a URL that expires, because its max-age changes by the second. */
  readonly lasting: Readonly<Record<string, string>> | undefined;
}

/** Filled in on the way, for the log and for errors. */
export interface Traces {
  preset?: string;
  id?: string;
  negotiated?: boolean;
}

export interface UrlResolverDeps {
  readonly signatures: Signatures;
  readonly presets: Presets;
  readonly renderVersion: string;
}

/** Throws `bad_request`, `bad_signature`, `expired` and `unknown_preset`. */
export type ResolveUrl = (requestTarget: string, accept: string | undefined, traces: Traces) => Target;

/** At some 1.5 KB each: as many as are hot in memory. */
const MAX_REMEMBERED = 2000;

/**
 * The first half of the journey. Targets are remembered by the URL as it was sent, so that signature and digests are
 * computed once; the expiry is checked each time. Errors are not remembered.
 */
export function createUrlResolver({ signatures, presets, renderVersion }: UrlResolverDeps): ResolveUrl {
  const remembered = new LRUCache<string, Target>({ max: MAX_REMEMBERED });

  function resolveUrl(requestTarget: string, accept: string | undefined, traces: Traces): Target {
    const url = parseImageUrl(requestTarget); // 400
    traces.preset = url.preset;
    traces.id = url.id;
    if (!signatures.verify(url.signature, url)) throw errors.badSignature(); // 403
    const negotiated = presets.negotiates(url.preset, url.suffix);
    traces.negotiated = negotiated;
    refuseExpired(url); // 410
    const variant = presets.resolve(url.preset, url.suffix, accept); // 404
    const key = renditionKey(url.id, variant, renderVersion);
    const etag = etagOf(key);
    const tag = cacheTagOf(url.id);
    // The names of Cloudflare and CloudFront, bunny.net, and Fastly, by their documentation (docs/cdn.md, Sources).
    const tags = { 'cache-tag': tag, 'cdn-tag': tag, 'surrogate-key': tag };
    const named = negotiated ? { ...tags, vary: 'Accept' } : tags;
    const lasting =
      url.expiresAt === undefined ? { 'cache-control': cacheControl(undefined, 0), etag, ...named } : undefined;
    return { url, variant, key, etag, negotiated, named, lasting };
  }

  return function target(requestTarget: string, accept: string | undefined, traces: Traces): Target {
    // By the class of Accept, so that its other types make no entries. A request target contains no space.
    const name = `${presets.acceptClass(accept)} ${requestTarget}`;
    const known = remembered.get(name);
    if (!known) {
      const found = resolveUrl(requestTarget, accept, traces);
      remembered.set(name, found);
      return found;
    }
    traces.preset = known.url.preset;
    traces.id = known.url.id;
    traces.negotiated = known.negotiated;
    refuseExpired(known.url);
    return known;
  };
}

function refuseExpired({ expiresAt }: ImageUrl): void {
  if (expiresAt !== undefined && expiresAt <= Date.now() / 1000) throw errors.expired();
}
