import type { ApiDeps } from './api.ts';
import { createImageMeta } from './image-meta.ts';
import { createPurge, type PurgeDeps } from './purge.ts';
import type { ObjectReader } from './stores/store.ts';
import { createFolderUploads, type FolderUploads } from './uploads/folder-upload-target.ts';
import type { UploadTarget } from './uploads/upload-target.ts';
import { createUploads, type UploadsDeps } from './uploads/uploads.ts';

export interface ShopApiOptions
  extends Omit<PurgeDeps, 'originals'>,
    Omit<UploadsDeps, 'target' | 'originals' | 'purge' | 'facts'> {
  readonly apiToken: string;
  readonly reader: ObjectReader;
  /** Undefined where originals can only be read. */
  readonly originals: PurgeDeps['originals'];
  /** Where uploads go; undefined where that is this server itself. */
  readonly bucket: UploadTarget | undefined;
  readonly signingKey: Uint8Array;
}

/** What stands behind the routes under /v1, from the same parts that serve images. */
export function createShopApi(options: ShopApiOptions): {
  api: Omit<ApiDeps, 'version'>;
  folderUploads: FolderUploads | undefined;
} {
  const { apiToken, originals, bucket, reader } = options;
  const purge = createPurge(options);
  const folderUploads = originals && !bucket ? createFolderUploads(originals, options.signingKey) : undefined;
  const target = bucket ?? folderUploads;
  return {
    api: {
      ...{ apiToken, purge },
      imageMeta: createImageMeta({ ...options, originals: reader }),
      uploads: originals && target ? createUploads({ ...options, originals, purge, target }) : undefined,
    },
    folderUploads,
  };
}
