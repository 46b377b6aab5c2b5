import { estimateDecode } from '../render/cost-estimate.ts';
import type { OriginalHeader, PictureHeader, ProxySource } from '../render/picture-source.ts';
import { DOWNSCALED_SIDE_PX, describeDownscaled, downscaledSize, PROXY_JPEG } from '../render/stages/downscaled.ts';
import type { Epoch } from '../renditions/epochs.ts';
import { derivedKey } from '../renditions/keys.ts';
import { fromStoredObject, toRendition, toStoredObject } from '../renditions/rendition.ts';
import type { StoredObject } from '../stores/store.ts';

/**
 * The proxy image of an original: a JPEG of all of it with less than a tenth of the bytes, stored beside its renditions, from
 * which any machine makes the smaller ones at any later day.
 */

/** Below this a proxy image saves less CPU than it costs requests: a plain JPEG of 12 megapixels takes 45 ms. */
const PROXY_WORTH_MS = 25;
/** From here on the original is decoded for all its renditions at the first one: AVIF, PNG, progressive JPEG of some megapixels. */
const EXPENSIVE_DECODE_MS = 100;

/** Changes whenever the same original would get another proxy image. `version`: the shop's own, of a recipe. */
export function proxyKey(id: string, renderVersion: string, version?: string): string {
  const decides = `${renderVersion}\n${DOWNSCALED_SIDE_PX} ${JSON.stringify(PROXY_JPEG)}`;
  return derivedKey(id, 'working', version === undefined ? decides : `${decides}\n${version}`, 'jpg');
}

/** Whether a proxy image of this original is worth its requests: not of a small one, nor of one with alpha, which JPEG lacks. */
export function worthProxy(header: OriginalHeader): boolean {
  return !header.hasAlpha && estimateDecode(header, 1).ms >= PROXY_WORTH_MS;
}

/** Whether decoding this original takes so long that it is done for all its renditions at the first one. */
export function expensiveToDecode(header: OriginalHeader): boolean {
  return estimateDecode(header, 1).ms >= EXPENSIVE_DECODE_MS;
}

/** `body`: the JPEG; `header`: of the downscaled decode that it was made from, under this epoch. */
export function toStoredProxy(body: Buffer, { stored, size, format }: PictureHeader, epoch: Epoch): StoredObject {
  const object = toStoredObject(toRendition({ body, contentType: 'image/jpeg', ...stored }, epoch, 0));
  const original = { 'original-width': String(size.width), 'original-height': String(size.height) };
  return { ...object, metadata: { ...object.metadata, ...original, 'original-format': format } };
}

/** A proxy image, and the epoch of its original that it was made under. */
export interface StoredProxy {
  readonly source: ProxySource;
  readonly epoch: Epoch;
}

/** Undefined when the object is not what was once stored. */
export function fromStoredProxy(object: StoredObject): StoredProxy | undefined {
  const { 'original-width': width, 'original-height': height, 'original-format': format } = object.metadata;
  const size = { width: Number(width), height: Number(height) };
  const proxy = fromStoredObject(object);
  if (!proxy || !format) return undefined;
  // `suffices` derives the size of a proxy image from its original's.
  const expected = downscaledSize(size);
  if (proxy.width !== expected.width || proxy.height !== expected.height) return undefined;
  const original = { format, size, frames: 1, delays: undefined, loop: undefined, hasAlpha: false };
  const source = { kind: 'proxy', body: proxy.body, header: describeDownscaled(original, proxy, 'jpeg') } as const;
  return { source, epoch: proxy.epoch };
}
