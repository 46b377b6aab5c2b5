import { LRUCache } from 'lru-cache';
import type { Face, Probe } from '../faces/face.ts';
import type { FaceFinder } from '../faces/finder.ts';
import { startDeadline } from '../flow/deadline.ts';
import type { WriteBehind } from '../flow/write-behind.ts';
import type { PictureDescription } from '../render/describe.ts';
import type { PurgeEpochs } from '../renditions/purge-epochs.ts';
import { saveUnlessPurged } from '../renditions/purge-safe-save.ts';
import { metadataKey } from '../renditions/rendition.ts';
import type { ObjectStore } from '../stores/store.ts';
import { type KnownMetadata, readSidecar, writeSidecar } from './sidecar.ts';

/**
 * What was recorded about originals, so that each is looked at once in its life, on whatever machine: in memory, and as
 * `original.json` beside its renditions.
 */
export interface OriginalMetadata {
  /** Reads what is known ahead of a render; never fails, never takes longer than a lookup may. */
  load(id: string, signal: AbortSignal): Promise<void>;
  /** What memory holds. */
  known(id: string): KnownMetadata;
  /**
   * The faces of an original. Known ones at once; else one look, shared by all who ask for this original meanwhile.
   * Undefined when that failed: then nothing is kept. `epoch`: noted before anything was read that the probe is made of.
   */
  faces(id: string, epoch: number, probe: () => Promise<Probe>): Promise<readonly Face[] | undefined>;
  /** Size, colour and placeholder of an original; `describe` reads it, once for all who ask meanwhile. */
  picture(id: string, describe: () => Promise<PictureDescription>): Promise<PictureDescription>;
  /** An upload was looked at and taken. `epoch`: noted before it was read. */
  recordUpload(id: string, epoch: number, picture: PictureDescription, sha256: string): void;
  /** Of a purged original nothing is known. */
  forget(id: string): void;
}

export interface OriginalMetadataOptions {
  /** Undefined when nobody looks for faces. */
  readonly finder: FaceFinder | undefined;
  readonly results: ObjectStore | undefined;
  readonly saves: WriteBehind;
  readonly epochs: PurgeEpochs;
  onLook?(outcome: 'found' | 'none' | 'failed'): void;
  warn(what: string, key: string, reason: unknown): void;
}

/** A store that takes longer is slower than looking again. */
const LOOKUP_MS = 1000;
/** Less than a rendition of the same picture each. */
const MAX_REMEMBERED = 20_000;
const MAX_SIDECAR_BYTES = 256 * 1024;
/** Faces beyond these change no crop. */
const MAX_FACES = 100;
const NOTHING: KnownMetadata = { faces: undefined, picture: undefined, sha256: undefined };

export function createOriginalMetadata(options: OriginalMetadataOptions): OriginalMetadata {
  const { finder, results, saves, epochs, onLook, warn } = options;
  const remembered = new LRUCache<string, KnownMetadata>({ max: MAX_REMEMBERED });
  const looks = new Map<string, Promise<readonly Face[] | undefined>>();
  const descriptions = new Map<string, Promise<PictureDescription>>();
  const known = (id: string) => remembered.get(id) ?? NOTHING;

  function record(id: string, epoch: number, recorded: Partial<KnownMetadata>): void {
    if (epochs.of(id) !== epoch) return;
    remembered.set(id, { ...known(id), ...recorded });
    if (!results) return;
    // As it is known when its turn comes: a later lesson finds this save still waiting and adds none of its own.
    const object = () => (remembered.has(id) ? writeSidecar(known(id)) : undefined);
    const bytes = writeSidecar(known(id)).body.length;
    saveUnlessPurged({ results, saves, epochs }, { id, epoch, key: metadataKey(id), bytes, object });
  }

  async function look(id: string, epoch: number, probe: () => Promise<Probe>): Promise<readonly Face[] | undefined> {
    if (!finder) return undefined;
    // What is wrong with the original is the original's error, not the detector's.
    const pixels = await probe();
    try {
      const faces = (await finder.find(pixels, new AbortController().signal)).slice(0, MAX_FACES);
      onLook?.(faces.length > 0 ? 'found' : 'none');
      record(id, epoch, { faces });
      return faces;
    } catch (reason) {
      onLook?.('failed');
      warn('faces could not be looked for', id, reason);
      return undefined;
    }
  }

  async function ask(
    id: string,
    epoch: number,
    describe: () => Promise<PictureDescription>,
  ): Promise<PictureDescription> {
    const picture = await describe();
    record(id, epoch, { picture });
    return picture;
  }

  return {
    async load(id, abandoned) {
      if (!results || remembered.has(id)) return;
      const key = metadataKey(id);
      const epoch = epochs.of(id);
      try {
        using deadline = startDeadline(abandoned, LOOKUP_MS);
        const { signal } = deadline;
        const sidecar = await results.get(key, { signal, maxBytes: MAX_SIDECAR_BYTES });
        if (!sidecar || epochs.of(id) !== epoch) return;
        const metadata = readSidecar(sidecar.body, MAX_FACES);
        if (metadata) remembered.set(id, joined(known(id), metadata));
        else warn('what is known about an original cannot be read and will be replaced', key, undefined);
      } catch (reason) {
        if (!abandoned.aborted) warn('what is known about an original cannot be read', key, reason);
      }
    },
    known,
    faces: (id, epoch, probe) => {
      const { faces } = known(id);
      return faces ? Promise.resolve(faces) : shared(looks, id, epoch, () => look(id, epoch, probe));
    },
    picture: (id, describe) => {
      const { picture } = known(id);
      // Nothing was read yet.
      const epoch = epochs.of(id);
      return picture ? Promise.resolve(picture) : shared(descriptions, id, epoch, () => ask(id, epoch, describe));
    },
    recordUpload: (id, epoch, picture, sha256) => record(id, epoch, { picture, sha256 }),
    forget(id) {
      remembered.delete(id);
    },
  };
}

/** What was recorded while the sidecar was being read stands; the rest is as it was kept. */
function joined(fresh: KnownMetadata, kept: KnownMetadata): KnownMetadata {
  return {
    faces: fresh.faces ?? kept.faces,
    picture: fresh.picture ?? kept.picture,
    sha256: fresh.sha256 ?? kept.sha256,
  };
}

/** One piece of work per id and epoch. */
function shared<T>(underWay: Map<string, Promise<T>>, id: string, epoch: number, start: () => Promise<T>): Promise<T> {
  const key = `${epoch} ${id}`;
  const work = underWay.get(key) ?? start().finally(() => underWay.delete(key));
  underWay.set(key, work);
  return work;
}
