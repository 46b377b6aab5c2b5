import { estimateDecode } from '../render/cost-estimate.ts';
import type { OriginalHeader, OriginalSource, PictureHeader, ProxySource } from '../render/picture-source.ts';
import { DEAR_PROXY, type DearOriginal, dearProxySize } from '../render/stages/dear-proxy.ts';
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
  const settings = `${DOWNSCALED_SIDE_PX} ${JSON.stringify(PROXY_JPEG)} ${JSON.stringify(DEAR_PROXY)}`;
  const decides = `${renderVersion}\n${settings}`;
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

/** Whether an original is decoded once in its life: outside sharp, and at some cost. */
export function isDear({ header }: OriginalSource): boolean {
  return header.decoder !== undefined && expensiveToDecode(header);
}

/** `body`: the JPEG; `header`: of the downscaled decode that it was made from, under this epoch. */
export function toStoredProxy(body: Buffer, { stored, size, format }: PictureHeader, epoch: Epoch): StoredObject {
  const object = toStoredObject(toRendition({ body, contentType: 'image/jpeg', ...stored }, epoch, 0));
  const original = { 'original-width': String(size.width), 'original-height': String(size.height) };
  return { ...object, metadata: { ...object.metadata, ...original, 'original-format': format } };
}

/** Of an original that is dear to decode: the larger one of stages/dear-proxy.ts, under the same key. */
export function toStoredDear({ body, header }: ProxySource, epoch: Epoch): StoredObject {
  const contentType = header.hasAlpha ? 'image/webp' : 'image/jpeg';
  const object = toStoredObject(toRendition({ body, contentType, ...header.stored }, epoch, 0));
  const original = { 'original-width': String(header.size.width), 'original-height': String(header.size.height) };
  const { format, decoder = '' } = header;
  return { ...object, metadata: { ...object.metadata, ...original, 'original-format': format, decoder } };
}

/** The bytes of such a proxy image, still to be opened, and what they say of their original. */
export interface StoredDear {
  readonly body: Buffer;
  readonly original: DearOriginal;
  readonly epoch: Epoch;
}

/** Undefined when the object is not what was once stored. */
export function fromStoredDear(object: StoredObject): StoredDear | undefined {
  const proxy = fromStoredObject(object);
  const { size, format } = originalIn(object);
  const { decoder } = object.metadata;
  if (!proxy || !format || !decoder) return undefined;
  const expected = dearProxySize(size);
  if (proxy.width !== expected.width || proxy.height !== expected.height) return undefined;
  return { body: proxy.body, original: { format, size, decoder }, epoch: proxy.epoch };
}

function originalIn({ metadata }: StoredObject) {
  const { 'original-width': width, 'original-height': height, 'original-format': format } = metadata;
  return { size: { width: Number(width), height: Number(height) }, format };
}

/** A proxy image, and the epoch of its original that it was made under. */
export interface StoredProxy {
  readonly source: ProxySource;
  readonly epoch: Epoch;
}

/** Undefined when the object is not what was once stored. */
export function fromStoredProxy(object: StoredObject): StoredProxy | StoredDear | undefined {
  if (object.metadata.decoder) return fromStoredDear(object);
  const { size, format } = originalIn(object);
  const proxy = fromStoredObject(object);
  if (!proxy || !format) return undefined;
  // `suffices` derives the size of a proxy image from its original's.
  const expected = downscaledSize(size);
  if (proxy.width !== expected.width || proxy.height !== expected.height) return undefined;
  const original = { format, size, frames: 1, delays: undefined, loop: undefined, hasAlpha: false };
  const source = { kind: 'proxy', body: proxy.body, header: describeDownscaled(original, proxy, 'jpeg') } as const;
  return { source, epoch: proxy.epoch };
}
