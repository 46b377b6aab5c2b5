import type { Face, Probe } from '../faces/face.ts';
import type { FaceFinder } from '../faces/finder.ts';
import type { PictureDescription } from '../render/describe.ts';
import type { Epoch } from '../renditions/epochs.ts';
import { MAX_FACES, type OriginalRecord } from './records/record.ts';
import type { OriginalRecords } from './records/records.ts';

/** What is worked out about an original once in its life, on whatever machine, and kept in its record. */
export interface OriginalMetadata {
  /** Reads the record ahead of a render. Never rejects; takes a second at most. */
  load(id: string): Promise<void>;
  /** What memory holds of the record. */
  known(id: string): OriginalRecord;
  /** As far as this process knows. */
  epochOf(id: string): Epoch;
  /**
   * The faces of an original: known ones at once, else one look, shared by all renders of this original meanwhile.
   * Undefined when the look failed: then nothing is recorded. `epoch`: noted before the original of the probe was read.
   */
  faces(id: string, epoch: Epoch, probe: () => Promise<Probe>): Promise<readonly Face[] | undefined>;
  /** Size, colour and placeholder of an original. `describe` reads it, once for all callers meanwhile. */
  picture(id: string, describe: () => Promise<PictureDescription>): Promise<PictureDescription>;
  /** An upload was examined and accepted. `epoch`: noted before it was read; `sha256`: of its bytes, in hex. */
  recordUpload(id: string, epoch: Epoch, picture: PictureDescription, sha256: string): void;
}

export interface OriginalMetadataOptions {
  readonly records: OriginalRecords;
  /** Undefined with `DARKROOM_FACES=off`. */
  readonly finder: FaceFinder | undefined;
  onLook?(outcome: 'found' | 'none' | 'failed'): void;
  warn(what: string, key: string, reason: unknown): void;
}

export function createOriginalMetadata({ records, finder, onLook, warn }: OriginalMetadataOptions): OriginalMetadata {
  const looks = createSharedWork<readonly Face[] | undefined>();
  const descriptions = createSharedWork<PictureDescription>();

  async function look(id: string, epoch: Epoch, probe: () => Promise<Probe>): Promise<readonly Face[] | undefined> {
    if (!finder) return undefined;
    // A failure to decode the probe is the original's error, not the detector's.
    const pixels = await probe();
    try {
      const faces = (await finder.find(pixels, new AbortController().signal)).slice(0, MAX_FACES);
      onLook?.(faces.length > 0 ? 'found' : 'none');
      records.learn(id, epoch, { faces });
      return faces;
    } catch (reason) {
      onLook?.('failed');
      warn('faces could not be looked for', id, reason);
      return undefined;
    }
  }

  return {
    async load(id) {
      await records.see(id);
    },
    known: records.known,
    epochOf: records.of,
    faces(id, epoch, probe) {
      const { faces } = records.known(id);
      // Of a later epoch they are of another picture.
      if (faces && records.of(id) === epoch) return Promise.resolve(faces);
      return looks(`${epoch} ${id}`, () => look(id, epoch, probe));
    },
    picture(id, describe) {
      const { picture } = records.known(id);
      if (picture) return Promise.resolve(picture);
      // Noted here: nothing was read yet.
      const epoch = records.of(id);
      return descriptions(`${epoch} ${id}`, async () => {
        const described = await describe();
        records.learn(id, epoch, { picture: described });
        return described;
      });
    },
    recordUpload: (id, epoch, picture, sha256) => records.learn(id, epoch, { picture, uploaded: sha256 }),
  };
}

/**
 * One piece of work for each key. Unlike `flow/single-flight` it ends with its work, whichever caller leaves: a look at an
 * original is recorded, so it is worth finishing.
 */
function createSharedWork<T>() {
  const underWay = new Map<string, Promise<T>>();
  return (key: string, start: () => Promise<T>): Promise<T> => {
    const work = underWay.get(key) ?? start().finally(() => underWay.delete(key));
    underWay.set(key, work);
    return work;
  };
}
