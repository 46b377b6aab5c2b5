import { DarkroomError, errors } from '../errors.ts';
import type { Face } from '../faces/face.ts';
import type { WorkQueue } from '../flow/work-queue.ts';
import type { DearProxies } from '../originals/dear-proxies.ts';
import type { OriginalMetadata } from '../originals/metadata.ts';
import type { OriginalReader } from '../originals/reader.ts';
import { DESCRIBE_MS, estimateDescription } from '../render/cost-estimate.ts';
import type { PictureDescription } from '../render/describe.ts';
import type { Renderer } from '../render/render.ts';

export interface ImageMetaDeps {
  readonly metadata: OriginalMetadata;
  readonly originals: OriginalReader;
  readonly queue: WorkQueue;
  readonly renderer: Renderer;
  readonly dearProxies: DearProxies;
  readonly maxOriginalBytes: number;
}

/** Metadata of one image, or the error that prevented it. */
export type ImageReport =
  | ({ readonly id: string; readonly faces?: readonly Face[] } & PictureDescription)
  | { readonly id: string; readonly error: string; readonly message: string };

/** Images of one call that are read at a time: a page of new pictures must not crowd out the renders. */
const AT_A_TIME = 4;

/** Metadata in the order of the ids. An image that fails is reported in its place; the others do not fail with it. */
export function createImageMeta(deps: ImageMetaDeps) {
  const { metadata, originals, queue, renderer, dearProxies, maxOriginalBytes } = deps;

  async function metaOf(id: string, signal: AbortSignal): Promise<ImageReport> {
    try {
      const picture = await metadata.picture(id, async (epoch) => {
        using permit = await queue.enter(DESCRIBE_MS, signal);
        const hold = (bytes: number) => permit.hold(bytes);
        const limits = { signal, maxBytes: maxOriginalBytes, onLength: hold };
        using held = await originals.read(id, epoch, limits);
        const original = await renderer.examine(held.body);
        await permit.slot(estimateDescription(original));
        const told = await held.epoch;
        const known = told === epoch ? told : undefined;
        const source = await dearProxies.describable({ id, original, epoch: known, signal });
        return { picture: await renderer.describe(source, signal), epoch: told };
      });
      return { id, ...picture };
    } catch (error) {
      const known = error instanceof DarkroomError ? error : signal.aborted ? errors.storeTimeout(error) : undefined;
      if (!known) throw error;
      return { id, error: known.code, message: known.publicMessage };
    }
  }

  return async function imageMeta(ids: readonly string[], signal: AbortSignal): Promise<ImageReport[]> {
    const found = new Map<string, ImageReport>();
    const left = [...new Set(ids)];
    const work = async () => {
      for (let id = left.shift(); id !== undefined; id = left.shift()) found.set(id, await metaOf(id, signal));
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
    // The others took longer than the purge window, or this machine slept meanwhile.
    left.push(...[...found.keys()].filter((id) => !metadata.isTrusted(id)));
    if (left.length > 0) await Promise.all(Array.from({ length: AT_A_TIME }, work));
    return ids.flatMap((id) => found.get(id) ?? []);
  };
}
