import { createHash } from 'node:crypto';
import type { StoredObject } from '../stores/store.ts';
import type { Epoch } from './epochs.ts';

/** The finished bytes of one original under one variant. Width and height in pixels. */
export interface Rendition {
  readonly body: Buffer;
  readonly contentType: string;
  readonly width: number;
  readonly height: number;
  /** SHA-256 of the body, in hex. */
  readonly sha256: string;
  /** Strong, and of the bytes: equal exactly where the bodies are. */
  readonly etag: string;
  /** Unix seconds. */
  readonly renderedAt: number;
  /** Of its original, when that was read. */
  readonly epoch: Epoch;
  /** When its original was read by this process, in unix milliseconds; 0 for a rendition from a store. */
  readonly readAt: number;
  /** Why another render may come out better. Such a rendition is answered, but never saved nor cached for long. */
  readonly provisional?: Provisional | undefined;
}

/** Its faces were not known in time or not surely, or its original was replaced while it was made. */
export type Provisional = 'late' | 'cut_off' | 'failed' | 'replaced';

/** What a render yields, before it is known under which epoch it was made. */
export interface FreshPixels {
  readonly body: Buffer;
  readonly contentType: string;
  readonly width: number;
  readonly height: number;
}

/** Stored renditions carry it, so that a CDN may read the bucket directly. */
const STORED_CACHE_CONTROL = 'public, max-age=31536000, immutable';

/** `readAt`: when its original was read, in unix milliseconds. */
export function toRendition(fresh: FreshPixels, epoch: Epoch, readAt: number, provisional?: Provisional): Rendition {
  const { body, contentType, width, height } = fresh;
  const sha256 = digest(body);
  const renderedAt = Math.floor(Date.now() / 1000);
  return { body, contentType, width, height, sha256, etag: etagOf(sha256), renderedAt, epoch, readAt, provisional };
}

/** A picture as it lies in a store, with what tells later whether it was damaged and under which epoch it was made. */
export function toStoredObject(picture: Omit<Rendition, 'etag' | 'readAt'>): StoredObject {
  const { body, contentType, width, height, sha256, renderedAt, epoch } = picture;
  const size = { width: String(width), height: String(height) };
  return {
    body,
    contentType,
    cacheControl: STORED_CACHE_CONTROL,
    metadata: { ...size, sha256, 'rendered-at': String(renderedAt), epoch },
  };
}

/** Undefined when the object is not what was once stored: cut short, altered, or written by another program. */
export function fromStoredObject({ body, contentType, metadata }: StoredObject): Rendition | undefined {
  const width = Number(metadata.width);
  const height = Number(metadata.height);
  const { sha256 = '', epoch = '' } = metadata;
  const whole = sha256 === digest(body) && epoch !== '';
  if (!whole || !contentType?.startsWith('image/') || !(width > 0) || !(height > 0)) return undefined;
  const renderedAt = Math.floor(Number(metadata['rendered-at'] ?? 0)) || 0;
  return { body, contentType, width, height, sha256, etag: etagOf(sha256), renderedAt, epoch, readAt: 0 };
}

function etagOf(sha256: string): string {
  return `"${Buffer.from(sha256, 'hex').toString('base64url').slice(0, 22)}"`;
}

function digest(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex');
}
