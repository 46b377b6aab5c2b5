import { LRUCache } from 'lru-cache';
import type { Face, Probe } from '../faces/face.ts';
import type { FaceFinder } from '../faces/finder.ts';
import { startDeadline } from '../flow/deadline.ts';
import type { WriteBehind } from '../flow/write-behind.ts';
import type { PictureFacts } from '../render/describe.ts';
import type { Generations } from '../renditions/purge-epochs.ts';
import { saveUnlessPurged } from '../renditions/purge-safe-save.ts';
import { factsKey } from '../renditions/rendition.ts';
import type { ObjectStore } from '../stores/store.ts';
import { type Facts, readSidecar, writeSidecar } from './sidecar.ts';

/**
 * What was learned about originals, so that each is looked at once in its life, on whatever machine: in memory, and as
 * `original.json` beside its renditions.
 */
export interface OriginalFacts {
  /** Reads what is known ahead of a render; never fails, never takes longer than a lookup may. */
  recall(id: string, signal: AbortSignal): Promise<void>;
  /** What memory holds. */
  known(id: string): Facts;
  /**
   * The faces of an original. Known ones at once; else one look, shared by all who ask for this original meanwhile.
   * Undefined when that failed: then nothing is kept. `generation`: noted before anything was read that the probe is made of.
   */
  faces(id: string, generation: number, probe: () => Promise<Probe>): Promise<readonly Face[] | undefined>;
  /** Size, colour and placeholder of an original; `describe` reads it, once for all who ask meanwhile. */
  picture(id: string, describe: () => Promise<PictureFacts>): Promise<PictureFacts>;
  /** An upload was looked at and taken. `generation`: noted before it was read. */
  accept(id: string, generation: number, picture: PictureFacts, sha256: string): void;
  /** Of a purged original nothing is known. */
  forget(id: string): void;
}

export interface OriginalFactsOptions {
  /** Undefined when nobody looks for faces. */
  readonly finder: FaceFinder | undefined;
  readonly results: ObjectStore | undefined;
  readonly saves: WriteBehind;
  readonly generations: Generations;
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
const NOTHING: Facts = { faces: undefined, picture: undefined, sha256: undefined };

export function createOriginalFacts(options: OriginalFactsOptions): OriginalFacts {
  const { finder, results, saves, generations, onLook, warn } = options;
  const remembered = new LRUCache<string, Facts>({ max: MAX_REMEMBERED });
  const looks = new Map<string, Promise<readonly Face[] | undefined>>();
  const descriptions = new Map<string, Promise<PictureFacts>>();
  const known = (id: string) => remembered.get(id) ?? NOTHING;

  function learn(id: string, generation: number, learned: Partial<Facts>): void {
    if (generations.of(id) !== generation) return;
    remembered.set(id, { ...known(id), ...learned });
    if (!results) return;
    // As it is known when its turn comes: a later lesson finds this save still waiting and adds none of its own.
    const object = () => (remembered.has(id) ? writeSidecar(known(id)) : undefined);
    const bytes = writeSidecar(known(id)).body.length;
    saveUnlessPurged({ results, saves, generations }, { id, generation, key: factsKey(id), bytes, object });
  }

  async function look(
    id: string,
    generation: number,
    probe: () => Promise<Probe>,
  ): Promise<readonly Face[] | undefined> {
    if (!finder) return undefined;
    // What is wrong with the original is the original's error, not the detector's.
    const pixels = await probe();
    try {
      const faces = (await finder.find(pixels, new AbortController().signal)).slice(0, MAX_FACES);
      onLook?.(faces.length > 0 ? 'found' : 'none');
      learn(id, generation, { faces });
      return faces;
    } catch (reason) {
      onLook?.('failed');
      warn('faces could not be looked for', id, reason);
      return undefined;
    }
  }

  async function ask(id: string, generation: number, describe: () => Promise<PictureFacts>): Promise<PictureFacts> {
    const picture = await describe();
    learn(id, generation, { picture });
    return picture;
  }

  return {
    async recall(id, abandoned) {
      if (!results || remembered.has(id)) return;
      const key = factsKey(id);
      const generation = generations.of(id);
      try {
        using deadline = startDeadline(abandoned, LOOKUP_MS);
        const { signal } = deadline;
        const sidecar = await results.get(key, { signal, maxBytes: MAX_SIDECAR_BYTES });
        if (!sidecar || generations.of(id) !== generation) return;
        const facts = readSidecar(sidecar.body, MAX_FACES);
        if (facts) remembered.set(id, joined(known(id), facts));
        else warn('what is known about an original cannot be read and will be replaced', key, undefined);
      } catch (reason) {
        if (!abandoned.aborted) warn('what is known about an original cannot be read', key, reason);
      }
    },
    known,
    faces: (id, generation, probe) => {
      const { faces } = known(id);
      return faces ? Promise.resolve(faces) : shared(looks, id, generation, () => look(id, generation, probe));
    },
    picture: (id, describe) => {
      const { picture } = known(id);
      // Nothing was read yet.
      const generation = generations.of(id);
      return picture
        ? Promise.resolve(picture)
        : shared(descriptions, id, generation, () => ask(id, generation, describe));
    },
    accept: (id, generation, picture, sha256) => learn(id, generation, { picture, sha256 }),
    forget(id) {
      remembered.delete(id);
    },
  };
}

/** What was learned while the sidecar was being read stands; the rest is as it was kept. */
function joined(fresh: Facts, kept: Facts): Facts {
  return {
    faces: fresh.faces ?? kept.faces,
    picture: fresh.picture ?? kept.picture,
    sha256: fresh.sha256 ?? kept.sha256,
  };
}

/** One piece of work per id and generation. */
function shared<T>(
  underWay: Map<string, Promise<T>>,
  id: string,
  generation: number,
  start: () => Promise<T>,
): Promise<T> {
  const key = `${generation} ${id}`;
  const work = underWay.get(key) ?? start().finally(() => underWay.delete(key));
  underWay.set(key, work);
  return work;
}
