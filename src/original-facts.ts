import { LRUCache } from 'lru-cache';
import type { Face, FaceFinder, Probe } from './faces/face-finder.ts';
import type { WriteBehind } from './flow/write-behind.ts';
import { factsKey } from './rendition.ts';
import type { ObjectStore } from './stores/store.ts';

/**
 * What was learned about originals, so that each is looked at once in its life, on whatever machine: in memory, and as
 * `original.json` beside its renditions.
 */
export interface OriginalFacts {
  /** Reads what is known ahead of a render; never fails, never takes longer than a lookup may. */
  recall(id: string, signal: AbortSignal): Promise<void>;
  /**
   * The faces of an original. Known ones at once; else one look, shared by all who ask for this original meanwhile.
   * Undefined when that failed: then nothing is kept.
   */
  faces(id: string, probe: () => Promise<Probe>): Promise<readonly Face[] | undefined>;
}

export interface OriginalFactsOptions {
  /** Undefined when nobody looks for faces. */
  readonly finder: FaceFinder | undefined;
  readonly results: ObjectStore | undefined;
  readonly saves: WriteBehind;
  onLook?(outcome: 'found' | 'none' | 'failed'): void;
  warn(what: string, key: string, reason: unknown): void;
}

/** Bumped when the detector finds other faces than before. */
const DETECTOR = 'blazeface-1';
/** A store that takes longer is slower than looking again. */
const LOOKUP_MS = 1000;
/** Some 300 bytes each. */
const MAX_REMEMBERED = 20_000;
const MAX_SIDECAR_BYTES = 256 * 1024;
/** Faces beyond these change no crop. */
const MAX_FACES = 100;

export function createOriginalFacts(options: OriginalFactsOptions): OriginalFacts {
  const { finder, results, saves, onLook, warn } = options;
  const remembered = new LRUCache<string, readonly Face[]>({ max: MAX_REMEMBERED });
  const looks = new Map<string, Promise<readonly Face[] | undefined>>();

  async function look(id: string, probe: () => Promise<Probe>): Promise<readonly Face[] | undefined> {
    if (!finder) return undefined;
    // What is wrong with the original is the original's error, not the detector's.
    const pixels = await probe();
    try {
      const found = (await finder.find(pixels, new AbortController().signal)).slice(0, MAX_FACES);
      onLook?.(found.length > 0 ? 'found' : 'none');
      remembered.set(id, found);
      saveBehind(id, found);
      return found;
    } catch (reason) {
      onLook?.('failed');
      warn('faces could not be looked for', id, reason);
      return undefined;
    }
  }

  function saveBehind(id: string, faces: readonly Face[]): void {
    if (!results) return;
    const body = Buffer.from(JSON.stringify({ version: 1, detector: DETECTOR, faces }));
    const object = { body, contentType: 'application/json', cacheControl: 'no-cache', metadata: {} };
    const key = factsKey(id);
    saves.add({ key, bytes: body.length, run: (signal) => results.put(key, object, { signal }) });
  }

  return {
    async recall(id, abandoned) {
      if (!finder || !results || remembered.has(id) || looks.has(id)) return;
      const key = factsKey(id);
      try {
        const signal = AbortSignal.any([abandoned, AbortSignal.timeout(LOOKUP_MS)]);
        const sidecar = await results.get(key, { signal, maxBytes: MAX_SIDECAR_BYTES });
        if (!sidecar) return;
        const faces = readSidecar(sidecar.body);
        if (faces) remembered.set(id, faces);
        else warn('what is known about an original cannot be read and will be replaced', key, undefined);
      } catch (reason) {
        if (!abandoned.aborted) warn('what is known about an original cannot be read', key, reason);
      }
    },
    faces(id, probe) {
      const known = remembered.get(id);
      if (known) return Promise.resolve(known);
      const underWay = looks.get(id);
      if (underWay) return underWay;
      const looking = look(id, probe).finally(() => looks.delete(id));
      looks.set(id, looking);
      return looking;
    },
  };
}

/** Undefined for what is damaged, or was found by another detector. */
function readSidecar(body: Buffer): readonly Face[] | undefined {
  try {
    const { version, detector, faces } = JSON.parse(body.toString('utf8'));
    if (version !== 1 || detector !== DETECTOR || !Array.isArray(faces) || faces.length > MAX_FACES) return undefined;
    return faces.every(isFace) ? faces : undefined;
  } catch {
    return undefined;
  }
}

function isFace(value: unknown): value is Face {
  const face = value as Face | null;
  const numbers = [face?.left, face?.top, face?.width, face?.height, face?.score, face?.eyesY];
  return numbers.every((number) => typeof number === 'number' && number >= 0 && number <= 1);
}
