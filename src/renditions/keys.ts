import { createHash } from 'node:crypto';
import type { Variant } from '../presets/presets.ts';

/** S3 keys end at 1,024 bytes; this leaves room for the store's own prefix and the name behind the slash. */
const MAX_FOLDER_LENGTH = 640;
const DIGEST_LENGTH = 64;
/** Stands in no folder of a short id, because `encodeURIComponent` escapes it: two ids never share a folder. */
const SHORTENED = '+';

/** The folder in the result store that holds everything kept about one original. Ends without a slash. */
export function renditionFolder(id: string): string {
  const folder = encodeURIComponent(id);
  if (folder.length <= MAX_FOLDER_LENGTH) return folder;
  return folder.slice(0, MAX_FOLDER_LENGTH - DIGEST_LENGTH - 1) + SHORTENED + digest(id);
}

/** Folders of the server's own in the result store. No id has one of that name: see `SHORTENED`. */
export const OWN_FOLDER = '+darkroom';

/** The key of an original's record. */
export function recordKey(id: string): string {
  return `${renditionFolder(id)}/original.json`;
}

/**
 * The key of a rendition in cache and store. The digest covers all that decides the bytes, so an edited preset or a
 * new version of the engine serves nothing old; the preset's name is only there for people.
 */
export function renditionKey(id: string, { preset, suffix, recipe }: Variant, renderVersion: string): string {
  return derivedKey(id, `${preset}${suffix}`, `${renderVersion}\n${resolved(recipe)}`, recipe.output);
}

/** The key in memory of an asset that stands for originals; no id has one that begins so. `image`: the asset's digest. */
export function fallbackKey(image: string, recipe: Variant['recipe'], renderVersion: string): string {
  return `${OWN_FOLDER}/fallback/${digest(`${image}\n${renderVersion}\n${resolved(recipe)}`)}`;
}

function resolved(recipe: Variant['recipe']): string {
  return JSON.stringify(Object.entries(recipe).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The key of an object made of an original; `decides`: all that decides its bytes. */
export function derivedKey(id: string, name: string, decides: string, extension: string): string {
  return `${renditionFolder(id)}/${shortened(name)}-${digest(decides).slice(0, 16)}.${extension}`;
}

/** Names of presets and sizes end before; inline recipes with overlays do not. */
const MAX_NAME_LENGTH = 160;

/** The name is there for people; which rendition it is, the digest behind it says. */
function shortened(name: string): string {
  return name.length <= MAX_NAME_LENGTH
    ? name
    : `${name.slice(0, MAX_NAME_LENGTH - 33)}${SHORTENED}${digest(name).slice(0, 32)}`;
}

/**
 * Common to all renditions of one original that show the same part of it in the same way: everything of the recipe but
 * size, format and coding. Pictures that are fitted inside a box keep the original's own shape.
 */
export function familyOf(id: string, { recipe }: Variant): string {
  const { width, height, output, quality, effort, sharper, encoding, effects, ...rest } = recipe;
  // Absent where there are none; their unit goes with the size.
  const drawn = effects ? { ...rest, effects: { ...effects, unit: 0 } } : rest;
  // No other size stands in for the file itself, nor it for one.
  const look = output === 'original' ? { ...drawn, output } : drawn;
  const free = recipe.fit === 'inside' || recipe.fit === 'outside' || !width || !height;
  // To the percent, because `@1.5x` of an odd size is rounded.
  const shape = free ? 'its own' : (width / height).toFixed(2);
  const kind = createHash('sha256')
    .update(JSON.stringify({ ...look, shape }))
    .digest('base64url');
  return `${renditionFolder(id)} ${kind}`;
}

/** Folders of an id that have a tag, from the top: header buffers of CDNs are small. */
const TAGGED_FOLDERS = 4;

/** The tag of one original, for CDN purges. Hex, because some CDNs ignore case. */
export function cacheTagOf(id: string): string {
  return `o-${digest(id).slice(0, 32)}`;
}

/** The tag of a folder of ids; `folder` ends with a slash. Undefined below the fourth level, where none is sent. */
export function folderTagOf(folder: string): string | undefined {
  return folder.split('/').length - 1 <= TAGGED_FOLDERS ? `f-${digest(folder).slice(0, 16)}` : undefined;
}

/** All tags of an original: its own, and those of its first four folders. */
export function cacheTagsOf(id: string): string[] {
  const folders = foldersOf(id).slice(0, TAGGED_FOLDERS);
  return [cacheTagOf(id), ...folders.flatMap((folder) => folderTagOf(folder) ?? [])];
}

/** The folders of an id with their slashes, outermost first: `a/b/c.jpg` lies in `a/` and `a/b/`. */
export function foldersOf(id: string): string[] {
  return Array.from(id.matchAll(/\//g), ({ index }) => id.slice(0, index + 1));
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
