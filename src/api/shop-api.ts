import type { OriginalReader } from '../originals/reader.ts';
import type { ObjectReceiver } from '../stores/object-receiver.ts';
import type { ObjectStore } from '../stores/store.ts';
import { createEdits } from './edits/edits.ts';
import { createImageMeta } from './meta/image-meta.ts';
import type { Purges } from './purges.ts';
import type { ApiDeps } from './routes.ts';
import { createFolderUploads, type FolderUploads } from './uploads/folder-upload-target.ts';
import type { UploadTarget } from './uploads/upload-target.ts';
import { createUploads, type Uploads, type UploadsDeps } from './uploads/uploads.ts';

export interface ShopApiOptions extends Omit<UploadsDeps, 'target' | 'originals' | 'purge'> {
  readonly purges: Purges;
  /** Undefined: there are no routes under /v1. */
  readonly apiToken: string | undefined;
  readonly reader: OriginalReader;
  /** Undefined where originals can only be read. */
  readonly originals: ObjectStore | undefined;
  /** Signs uploads straight to a bucket; undefined where originals do not lie in one. */
  readonly bucket: UploadTarget | undefined;
  /** Takes uploads to this server; undefined where originals do not lie in a folder. */
  readonly receiver: ObjectReceiver | undefined;
  /** Memory for the buffers of all uploads to this server, in bytes. */
  readonly uploadBytes: number;
  readonly signingKey: Uint8Array;
}

/** The services behind the API routes, built of the same parts that serve images. */
export interface ShopApi {
  readonly api: Omit<ApiDeps, 'version'> | undefined;
  readonly folderUploads: FolderUploads | undefined;
  readonly uploads: Uploads | undefined;
  readonly imageMeta: ApiDeps['imageMeta'];
}

export function createShopApi(options: ShopApiOptions): ShopApi {
  const { apiToken, originals, bucket, reader, receiver, signingKey, purges } = options;
  const { purge } = purges;
  const folderUploads = receiver && createFolderUploads({ receiver, signingKey, maxBytes: options.uploadBytes });
  const target = bucket ?? folderUploads;
  const imageMeta = createImageMeta({ ...options, originals: reader });
  const uploads = originals && target ? createUploads({ ...options, originals, purge, target }) : undefined;
  const edits = purges.bulk && createEdits({ ...options, purge });
  return {
    api: apiToken === undefined ? undefined : { apiToken, purges, edits, imageMeta, uploads },
    ...{ folderUploads, uploads, imageMeta },
  };
}
