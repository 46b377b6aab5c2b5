import type { Dirent } from 'node:fs';
import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pathOfKey, textOfName } from './file-names.ts';

const GONE = new Set(['ENOENT', 'ENOTDIR']);

/**
 * The keys below a store's folder that begin with `prefix`, one by one. Files that no key names are left out; links to
 * folders are not followed, because they may lead in circles. `follow`: see the folder store; of what it refuses nothing is
 * listed.
 */
export async function* listKeys(
  home: string,
  prefix: string,
  follow: (path: string) => Promise<string | undefined>,
): AsyncGenerator<string> {
  const segments = prefix.split('/');
  const folder = segments.slice(0, -1).join('/');
  const path = folder === '' ? (segments.length > 1 ? undefined : '') : pathOfKey(folder);
  if (path === undefined) return;
  // A link in the prefix may lead outside.
  if (path !== '' && (await follow(join(home, path))) === undefined) return;
  yield* walk(path, folder === '' ? '' : `${folder}/`);

  /** `path`: below home; `text`: of the keys of all that lies there. */
  async function* walk(path: string, text: string): AsyncGenerator<string> {
    for await (const entry of entriesOf(join(home, path))) {
      const part = textOfName(entry.name);
      if (!part) continue;
      const below = join(path, entry.name);
      const key = text + part.text;
      if (!key.startsWith(prefix) && !prefix.startsWith(key)) continue;
      if (entry.isDirectory()) yield* walk(below, part.continues ? key : `${key}/`);
      // Names that other programs gave may be no key's.
      else if (!part.continues && key.startsWith(prefix) && pathOfKey(key) === below && (await isFile(entry, below)))
        yield key;
    }
  }

  async function isFile(entry: Dirent, path: string): Promise<boolean> {
    if (!entry.isSymbolicLink()) return entry.isFile();
    const real = await follow(join(home, path));
    return real !== undefined && (await stat(real)).isFile();
  }
}

/** Nothing for a folder that is gone meanwhile. */
async function* entriesOf(folder: string): AsyncGenerator<Dirent> {
  try {
    for await (const entry of await opendir(folder)) yield entry;
  } catch (error) {
    if (!GONE.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
