import { estimateDecode } from '../render/cost-estimate.ts';
import type { Examined, OriginalHeader } from '../render/original.ts';
import { DOWNSCALED_SIDE_PX, PROXY_JPEG, standIn } from '../render/stages/downscaled.ts';
import { derivedKey, fromStoredObject, toStoredObject } from '../renditions/rendition.ts';
import type { StoredObject } from '../stores/store.ts';

/**
 * The proxy image of an original, beside its renditions: the whole picture as a JPEG of less than a tenth of the bytes, from which
 * its smaller renditions are made on any machine at any later day.
 */

/** Below this a copy saves less CPU than it costs requests: a plain JPEG of 12 megapixels takes 45 ms. */
const PROXY_WORTH_MS = 25;
/** From here on the copy is made at the first look already: AVIF, PNG and progressive originals of some megapixels. */
const EXPENSIVE_DECODE_MS = 100;

export function proxyKey(id: string, renderVersion: string): string {
  return derivedKey(id, 'working', `${renderVersion}\n${DOWNSCALED_SIDE_PX} ${JSON.stringify(PROXY_JPEG)}`, 'jpg');
}

/** Whether a copy of this original is worth its request: neither for what a JPEG cannot hold nor for what is small. */
export function worthProxy(header: OriginalHeader): boolean {
  return !header.hasAlpha && header.coding !== 'pixels' && estimateDecode(header, 1).ms >= PROXY_WORTH_MS;
}

/** Whether decoding this original takes so long that it is done for all its renditions at the first look. */
export function expensiveToDecode(header: OriginalHeader): boolean {
  return estimateDecode(header, 1).ms >= EXPENSIVE_DECODE_MS;
}

/** `header`: of the original. */
export function toStoredProxy(body: Buffer, { stored, size, format }: OriginalHeader): StoredObject {
  const object = toStoredObject({ body, contentType: 'image/jpeg', ...stored });
  const original = { 'original-width': String(size.width), 'original-height': String(size.height) };
  return { ...object, metadata: { ...object.metadata, ...original, 'original-format': format } };
}

/** In place of the original. Undefined when the object is not what was once stored. */
export function fromStoredProxy(object: StoredObject): Examined | undefined {
  const { 'original-width': width, 'original-height': height, 'original-format': format } = object.metadata;
  const size = { width: Number(width), height: Number(height) };
  const copy = fromStoredObject(object);
  if (!copy || !format || !(size.width >= copy.width) || !(size.height >= copy.height)) return undefined;
  const opaque = { frames: 1, hasAlpha: false, delays: undefined, loop: undefined, exif: undefined };
  const plain = { coding: 'jpeg', turned: false, plain: false, hasProfile: false, deep: false };
  return { body: copy.body, header: standIn({ ...opaque, ...plain, format, size, stored: size }, copy, 'jpeg') };
}
