import { cloudinary } from './cloudinary/cloudinary.ts';
import { imgproxy } from './imgproxy/imgproxy.ts';
import { recipeText, refuseOtherGravity } from './recipe-text.ts';
import {
  LegacyRefusal,
  type LegacyScheme,
  type LegacySettings,
  malformed,
  type SchemeName,
  type SplitUrl,
  type Wish,
} from './scheme.ts';
import { idOf } from './sources.ts';
import { thumbor } from './thumbor/thumbor.ts';

export const SCHEME_READERS: Readonly<Record<SchemeName, LegacyScheme>> = { imgproxy, thumbor, cloudinary };

/** What an old URL comes to here. */
export interface LegacyTarget {
  /** An inline recipe in its one spelling. */
  readonly recipe: string;
  readonly id: string;
  /** Whether Accept chooses the format. */
  readonly negotiated: boolean;
  /** Unix seconds. */
  readonly expiresAt: number | undefined;
  /** Seconds in HTTP caches; a year where undefined. */
  readonly maxAge: number | undefined;
  /** The option that asked for a field of presets, in the words of the URL. */
  readonly said: ReadonlyMap<string, string>;
}

/** An old URL that looks like one, before its signature is checked. */
export interface LegacyCandidate {
  /** Throws a LegacyRefusal; the signature goes first. Undefined where only that could have told, and it is wrong. */
  read(): LegacyTarget | undefined;
}

export interface LegacyUrls {
  readonly scheme: SchemeName;
  /** Undefined for paths that do not look like the old server's. `path`: below the path prefix, with its query. */
  candidate(path: string): LegacyCandidate | undefined;
}

/** The longest that is looked at, in characters. */
const MAX_LENGTH = 6144;
/** What Cloudinary's SDKs put behind a URL that they made (https://cloudinary.com/documentation/sdk_analytics). */
const ANALYTICS = /^_a=[A-Za-z0-9]{1,32}$/;

/** Reads URLs of the server that a shop moves away from. Nothing of them is fetched, and none is signed anew. */
export function createLegacyUrls(settings: LegacySettings): LegacyUrls {
  const { [settings.scheme]: scheme } = SCHEME_READERS;
  return {
    scheme: scheme.name,
    candidate(target) {
      const at = target.indexOf('?');
      const [path, query] = at < 0 ? [target, undefined] : [target.slice(0, at), target.slice(at + 1)];
      const split = scheme.split(path.slice(0, MAX_LENGTH), settings);
      return split && { read: () => readSplit(split, { path, query }) };
    },
  };

  function readSplit(split: SplitUrl, { path, query }: { path: string; query: string | undefined }) {
    const right = split.signature !== undefined && path.length <= MAX_LENGTH && scheme.verify(split, settings);
    if (!right && split.unsure) return undefined;
    if (path.length > MAX_LENGTH) throw malformed(`The URL is longer than ${MAX_LENGTH} characters.`);
    if (split.signature === undefined)
      throw new LegacyRefusal('unsigned', `URLs of ${scheme.name} are served here with a signature only.`);
    if (!right) throw new LegacyRefusal('bad_signature', 'The signature is missing or does not match this URL.');
    // No signature covers it, and ignored it would be a free way around the CDN's cache.
    if (query !== undefined && !(scheme.name === 'cloudinary' && ANALYTICS.test(query)))
      throw malformed(`A query is not part of URLs of ${scheme.name}.`);
    const { wish, source } = scheme.read(split, settings);
    return { ...targetOf(wish), id: idOf(source, settings.sources) };
  }

  function targetOf(wish: Wish) {
    refuseOtherGravity(wish, scheme.name);
    const { format, expiresAt, maxAge, said } = wish;
    const negotiated = format === 'auto' || (format === undefined && settings.negotiate);
    return { recipe: recipeText(wish), negotiated, expiresAt, maxAge, said };
  }
}
