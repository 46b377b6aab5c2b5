import { DarkroomError, type ErrorCode, errors, type Refusal } from '../../errors.ts';
import type { Face } from '../../faces/face.ts';
import type { QueuePermit, WorkQueue } from '../../flow/work-queue.ts';
import type { DearProxies } from '../../originals/dear-proxies.ts';
import type { OriginalMetadata } from '../../originals/metadata.ts';
import type { OriginalReader } from '../../originals/reader.ts';
import { isCovered, type ShopSays } from '../../originals/records/edit.ts';
import { type OriginalRecord, shopSays } from '../../originals/records/record.ts';
import { DESCRIBE_MS, estimateDescription } from '../../render/cost-estimate.ts';
import type { PictureDescription } from '../../render/describe.ts';
import { type ExifFacts, exifFacts } from '../../render/formats/exif-facts.ts';
import type { OriginalSource } from '../../render/picture-source.ts';
import type { Renderer } from '../../render/render.ts';
import type { Epoch } from '../../renditions/epochs.ts';
import { type ReadStage, withReason } from '../uploads/refusals.ts';
import { type LargestPreset, withHints } from './photo-hints.ts';

export interface ImageMetaDeps {
  readonly metadata: OriginalMetadata;
  readonly originals: OriginalReader;
  readonly queue: WorkQueue;
  readonly renderer: Renderer;
  readonly dearProxies: DearProxies;
  readonly maxOriginalBytes: number;
  readonly largestPreset?: LargestPreset | undefined;
}

interface ReadOriginal {
  readonly original: OriginalSource;
  readonly permit: QueuePermit;
  readonly held: Awaited<ReturnType<OriginalReader['read']>>;
}

/** Metadata of one image, or the error that prevented it. */
export type ImageReport =
  | ({ readonly id: string; readonly faces?: readonly Face[]; readonly exif?: ExifFacts } & Says &
      ReturnType<typeof withHints<PictureDescription>>)
  | ({ readonly id: string; readonly error: ErrorCode; readonly message: string } & Partial<Refusal>);

/** The shop's edit, and the `v` of URLs from it on; none before the first epoch ended. */
interface Says extends ShopSays {
  readonly v?: string;
}

export interface MetaOptions {
  /** When and with what a photo was taken is told too: personal data. Each original is read for it. */
  readonly exif: boolean;
}

/** Images of one call that are read at a time: a page of new pictures must not crowd out the renders. */
const AT_A_TIME = 4;

/** Metadata in the order of the ids. An image that fails is reported in its place; the others do not fail with it. */
export function createImageMeta(deps: ImageMetaDeps) {
  const { metadata, originals, queue, renderer, dearProxies, maxOriginalBytes, largestPreset } = deps;
  /** Reads an original in a place of the queue and examines its header. */
  async function reading<T>(id: string, epoch: Epoch, signal: AbortSignal, use: (read: ReadOriginal) => Promise<T>) {
    using permit = await queue.enter(DESCRIBE_MS, signal);
    const hold = (bytes: number) => permit.hold(bytes);
    using held = await originals.read(id, epoch, { signal, maxBytes: maxOriginalBytes, onLength: hold });
    let stage: ReadStage = 'header';
    try {
      const original = await renderer.examine(held.body);
      stage = 'pixels';
      return await use({ original, permit, held });
    } catch (error) {
      throw withReason(error, held.body, stage, renderer.mediaTypes);
    }
  }

  const describe = (id: string, signal: AbortSignal) => (epoch: Epoch) => {
    const { edit } = metadata.known(id);
    return reading(id, epoch, signal, async ({ original, permit, held }) => {
      await permit.slot(estimateDescription(original));
      const told = await held.epoch;
      const known = told === epoch ? told : undefined;
      const covered = isCovered({ edit });
      const source = await dearProxies.describable({ ...{ id, original, epoch: known, signal }, covered });
      const picture = await renderer.describe(source, held.body.length, signal, edit);
      // Of bytes that replaced others, the edit of those is not theirs.
      return { picture, epoch: edit && told !== epoch ? undefined : told };
    });
  };

  const exifOf = (id: string, signal: AbortSignal) =>
    reading(id, metadata.epochOf(id), signal, async ({ original }) => exifFacts(original.header.exif));

  async function metaOf(id: string, { exif }: MetaOptions, signal: AbortSignal): Promise<ImageReport> {
    try {
      const picture = await metadata.picture(id, describe(id, signal));
      const asked = exif ? { exif: await exifOf(id, signal) } : {};
      return { id, ...withHints(picture, largestPreset), ...asked, ...says(metadata.known(id)) };
    } catch (error) {
      const known = error instanceof DarkroomError ? error : signal.aborted ? errors.storeTimeout(error) : undefined;
      if (!known) throw error;
      return { id, error: known.code, message: known.publicMessage, ...known.refusal };
    }
  }

  return async function imageMeta(
    ids: readonly string[],
    signal: AbortSignal,
    options: MetaOptions = { exif: false },
  ): Promise<ImageReport[]> {
    const found = new Map<string, ImageReport>();
    const left = [...new Set(ids)];
    const work = async () => {
      for (let id = left.shift(); id !== undefined; id = left.shift()) found.set(id, await metaOf(id, options, signal));
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
    // The others took longer than the purge window, or this machine slept meanwhile.
    left.push(...[...found.keys()].filter((id) => !metadata.isTrusted(id)));
    if (left.length > 0) await Promise.all(Array.from({ length: AT_A_TIME }, work));
    return ids.flatMap((id) => found.get(id) ?? []);
  };
}

function says(record: OriginalRecord): Says {
  return { ...shopSays(record), ...(record.epoch > 0 ? { v: String(record.epoch) } : {}) };
}
