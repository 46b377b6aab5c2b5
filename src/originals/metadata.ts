import type { Face } from '../faces/face.ts';
import type { PictureDescription } from '../render/describe.ts';
import { REPORT_VERSION } from '../render/photo-report.ts';
import type { Epoch } from '../renditions/epochs.ts';
import { createFaceLooks, type FaceLooks, type FaceLooksOptions } from './face-looks.ts';
import { deepestFaces } from './records/known-faces.ts';
import type { OriginalRecord } from './records/record.ts';

/** What is worked out about an original once in its life, on whatever machine, and kept in its record. */
export interface OriginalMetadata {
  /** Reads the record ahead of a render. Never rejects; takes a second at most. */
  load(id: string): Promise<void>;
  /** What memory holds of the record. */
  known(id: string): OriginalRecord;
  /** As far as this process knows. */
  epochOf(id: string): Epoch;
  /** Where its faces are. `epoch`: noted before the original of the probe was read. */
  readonly faces: FaceLooks;
  /** Whether the record of an original was seen within the purge window: what was told of it before may not count any more. */
  isTrusted(id: string): boolean;
  /**
   * Size, colour and placeholder of an original, and its faces where they are known. `describe` reads it, once for all callers
   * meanwhile; `epoch`: of the record, before the read. While the record cannot be asked, what is known is told for
   * `DARKROOM_PURGE_GRACE` at most.
   */
  picture(id: string, describe: (epoch: Epoch) => Promise<Described>): Promise<KnownPicture>;
  /** An upload was examined and accepted. `epoch`: noted before it was read; `sha256`: of its bytes, in hex. */
  recordUpload(id: string, epoch: Epoch, picture: PictureDescription, sha256: string): void;
}

/** `epoch`: the one that the bytes belong to; undefined when that cannot be told. */
export interface Described {
  readonly picture: PictureDescription;
  readonly epoch: Epoch | undefined;
}

export interface KnownPicture extends PictureDescription {
  readonly faces?: readonly Face[];
}

export function createOriginalMetadata(options: FaceLooksOptions): OriginalMetadata {
  const { records } = options;
  const descriptions = createSharedWork<KnownPicture>();

  return {
    async load(id) {
      await records.see(id);
    },
    known: records.known,
    epochOf: records.of,
    faces: createFaceLooks(options),
    isTrusted: (id) => records.trusted(id) !== undefined,
    async picture(id, describe) {
      const view = await records.see(id);
      const { picture, faces } = records.known(id);
      const known = picture && records.mayServe(view, 0) ? withFaces(picture, deepestFaces(faces)) : undefined;
      if (known?.report?.version === REPORT_VERSION) return known;
      return descriptions(`${view.epoch} ${id}`, async () => {
        const described = await describe(view.epoch).catch((reason) => {
          // What an earlier version recorded is better than nothing.
          if (known) return undefined;
          throw reason;
        });
        if (!described) return known!;
        const { epoch } = described;
        if (epoch !== undefined) records.learn(id, epoch, { picture: described.picture });
        return withFaces(
          described.picture,
          epoch === records.of(id) ? deepestFaces(records.known(id).faces) : undefined,
        );
      });
    },
    recordUpload: (id, epoch, picture, sha256) => records.learn(id, epoch, { picture, uploaded: sha256 }),
  };
}

function withFaces(picture: PictureDescription, faces: readonly Face[] | undefined): KnownPicture {
  return { ...picture, ...(faces ? { faces } : {}) };
}

/**
 * One piece of work for each key. Unlike `flow/single-flight` it ends with its work, whichever caller leaves: what is learned of
 * an original is recorded, so it is worth finishing.
 */
function createSharedWork<T>() {
  const underWay = new Map<string, Promise<T>>();
  return (key: string, start: () => Promise<T>): Promise<T> => {
    const work = underWay.get(key) ?? start().finally(() => underWay.delete(key));
    underWay.set(key, work);
    return work;
  };
}
