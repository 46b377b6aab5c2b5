import { join } from 'node:path';

/** File systems allow names of 255 bytes; the rest is room for a prefix and a suffix. */
const MAX_NAME_BYTES = 200;

/**
 * The path of a key's file below the store's folder, one-to-one; undefined for keys with empty, dot or NUL segments and for
 * ill-formed strings, which name no file.
 *
 * A name with a leading dot is the store's own: a segment's leading dot is escaped. A segment over 200 bytes lies in nested
 * folders, each named `.<200 bytes of it>+`, so that its whole text can be read back from the path.
 */
export function pathOfKey(key: string): string | undefined {
  const segments = key.split('/');
  const nameless = segments.some((part) => part === '' || part === '.' || part === '..' || part.includes('\0'));
  return nameless || !key.isWellFormed() ? undefined : join(...segments.flatMap(namesOf));
}

/** The names of one segment's nested folders, and of its file or folder. */
function namesOf(segment: string): string[] {
  if (Buffer.byteLength(segment) <= MAX_NAME_BYTES) return [escapeName(segment)];
  const parts = [''];
  let bytes = 0;
  for (const letter of segment) {
    bytes += Buffer.byteLength(letter);
    if (bytes > MAX_NAME_BYTES) {
      parts.push('');
      bytes = Buffer.byteLength(letter);
    }
    parts[parts.length - 1] += letter;
  }
  const last = parts.pop() ?? '';
  return [...parts.map((part) => `.${part}+`), escapeName(last)];
}

// A segment that looks escaped is escaped once more, so that two keys never share a file.
function escapeName(segment: string): string {
  return segment.replace(/^(?:\.|%(?=(?:25)*2E))/, (first) => (first === '.' ? '%2E' : '%25'));
}

/** What a file name adds to a key; `continues`: in the middle of a segment. Undefined for names of the store's own. */
export function textOfName(name: string): { readonly text: string; readonly continues: boolean } | undefined {
  if (name.startsWith('.')) {
    const [, part] = /^\.(.+)\+$/s.exec(name) ?? [];
    return part === undefined ? undefined : { text: part, continues: true };
  }
  const text = name.replace(/^%(?:2E|25(?=(?:25)*2E))/, (escaped) => (escaped === '%2E' ? '.' : '%'));
  return { text, continues: false };
}
