import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFolderReceiver } from '../../src/stores/folder/folder-receiver.ts';
import { createFolderStore } from '../../src/stores/folder/folder-store.ts';

/** Originals in a new folder, and uploads into it, as main.ts opens them. */
export async function createFolderOriginals() {
  const root = await mkdtemp(join(tmpdir(), 'darkroom-originals-'));
  const originals = createFolderStore({ root, timeoutMs: 5000, metadataIn: 'sidecar' });
  const receiver = createFolderReceiver({ root, timeoutMs: 5000 });
  return {
    ...{ root, originals, receiver },
    /** Options of `startApp`. */
    app: { originals, deletable: originals, receiver },
    /** Paths of all files below the folder. */
    async files(): Promise<string[]> {
      const entries = await readdir(root, { recursive: true, withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    },
    dispose: () => rm(root, { recursive: true, force: true, maxRetries: 20, retryDelay: 10 }),
  };
}
