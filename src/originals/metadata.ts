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

export interface OriginalMetadataOptions {
  readonly records: OriginalRecords;
  /** Undefined with `DARKROOM_FACES=off`. */
  readonly finder: FaceFinder | undefined;
  onLook?(outcome: 'found' | 'none' | 'failed'): void;
  warn(what: string, key: string, reason: unknown): void;
}

export function createOriginalMetadata({ records, finder, onLook, warn }: OriginalMetadataOptions): OriginalMetadata {
  const looks = createSharedWork<readonly Face[] | undefined>();
  const descriptions = createSharedWork<KnownPicture>();

  async function look(id: string, epoch: Epoch, probe: () => Promise<Probe>): Promise<readonly Face[] | undefined> {
    if (!finder) return undefined;
    // A failure to decode the probe is the original's error, not the detector's.
    const pixels = await probe();
    try {
      const found = await finder.find(pixels, 'tiles', new AbortController().signal);
      const faces = found.faces.slice(0, MAX_FACES);
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
    async picture(id, describe) {
      const view = await records.see(id);
      const { picture, faces } = records.known(id);
      if (picture && records.mayServe(view, 0)) return withFaces(picture, faces);
      return descriptions(`${view.epoch} ${id}`, async () => {
        const described = await describe(view.epoch);
        const { epoch } = described;
        if (epoch !== undefined) records.learn(id, epoch, { picture: described.picture });
        return withFaces(described.picture, epoch === records.of(id) ? records.known(id).faces : undefined);
      });
    },
    recordUpload: (id, epoch, picture, sha256) => records.learn(id, epoch, { picture, uploaded: sha256 }),
  };
}

function withFaces(picture: PictureDescription, faces: readonly Face[] | undefined): KnownPicture {
  return { ...picture, ...(faces ? { faces } : {}) };
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
