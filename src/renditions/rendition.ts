import { createHash } from 'node:crypto';
import type { Variant } from '../presets/presets.ts';
import type { StoredObject } from '../stores/store.ts';

/** The finished bytes of one original under one variant. Width and height in pixels. */
export interface Rendition {
  readonly body: Buffer;
  readonly contentType: string;
  readonly width: number;
  readonly height: number;
  /** Framed without the faces, because looking for them failed: answered, but kept nowhere. */
  readonly provisional?: boolean;
}

/** What stored renditions carry, so that a CDN may read the bucket directly. */
export const STORED_CACHE_CONTROL = 'public, max-age=31536000, immutable';

/** S3 keys end at 1,024 bytes; this leaves room for the store's own prefix and the name behind the slash. */
const MAX_FOLDER_LENGTH = 640;

/** The folder that holds everything kept about one original. Ends without a slash. */
export function renditionFolder(id: string): string {
  const folder = encodeURIComponent(id);
  if (folder.length <= MAX_FOLDER_LENGTH) return folder;
  return `${folder.slice(0, MAX_FOLDER_LENGTH - 65)}~${sha256(id).toString('hex')}`;
}

/** The key of what was learned about an original. */
export function metadataKey(id: string): string {
  return `${renditionFolder(id)}/original.json`;
}

/**
 * The key of a rendition in cache and store. The digest covers all that decides the bytes, so an edited preset or a
 * new version of the engine serves nothing old; the preset's name is only there for people.
 */
export function renditionKey(id: string, { preset, suffix, recipe }: Variant, renderVersion: string): string {
  const resolved = JSON.stringify(Object.entries(recipe).sort(([a], [b]) => (a < b ? -1 : 1)));
  return derivedKey(id, `${preset}${suffix}`, `${renderVersion}\n${resolved}`, recipe.output);
}

/** The key of something made of an original; `decides`: all that decides its bytes. */
export function derivedKey(id: string, name: string, decides: string, extension: string): string {
  return `${renditionFolder(id)}/${name}-${sha256(decides).toString('hex').slice(0, 16)}.${extension}`;
}

/**
 * What all renditions of one original have in common that show the same part of it in the same way: everything of the
 * recipe but size, format and quality. Pictures that are fitted inside a box keep the original's own shape.
 */
export function familyOf(id: string, { recipe }: Variant): string {
  const { width, height, output, quality, effort, ...look } = recipe;
  const free = recipe.fit === 'inside' || recipe.fit === 'outside' || !width || !height;
  // To the percent, because `@1.5x` of an odd size is rounded.
  const shape = free ? 'its own' : (width / height).toFixed(2);
  return `${renditionFolder(id)} ${sha256(JSON.stringify({ ...look, shape })).toString('base64url')}`;
}

/** A strong ETag that is known before any work: an original is immutable for its id, so key and bytes go together. */
export function etagOf(key: string): string {
  return `"${sha256(key).toString('base64url').slice(0, 22)}"`;
}

/** One tag an original, for CDN purges. Hex, because some CDNs ignore case. */
export function cacheTagOf(id: string): string {
  return `o-${sha256(id).toString('hex').slice(0, 32)}`;
}

/** A rendition as it lies in a store, with what is needed to notice later that it was damaged. */
export function toStoredObject({ body, contentType, width, height }: Rendition): StoredObject {
  return {
    body,
    contentType,
    cacheControl: STORED_CACHE_CONTROL,
    metadata: { width: String(width), height: String(height), sha256: sha256(body).toString('hex') },
  };
}

/** Undefined when the object is not what was once stored: cut short, altered, or written by somebody else. */
export function fromStoredObject({ body, contentType, metadata }: StoredObject): Rendition | undefined {
  const width = Number(metadata.width);
  const height = Number(metadata.height);
  const whole = metadata.sha256 === sha256(body).toString('hex');
  if (!whole || !contentType?.startsWith('image/') || !(width > 0) || !(height > 0)) return undefined;
  return { body, contentType, width, height };
}

function sha256(data: string | Buffer): Buffer {
  return createHash('sha256').update(data).digest();
}
