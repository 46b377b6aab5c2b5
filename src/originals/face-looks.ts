import { LRUCache } from 'lru-cache';
import { errors } from '../errors.ts';
import type { Face, LookDepth, Probe } from '../faces/face.ts';
import type { FaceFinder } from '../faces/finder.ts';
import { within } from '../flow/within.ts';
import type { Epoch } from '../renditions/epochs.ts';
import { deepestFaces, facesFor, MAX_FACES } from './records/known-faces.ts';
import type { OriginalRecords } from './records/records.ts';

/**
 * `ok`: these are the original's faces. Everything else frames a rendition that must not last: `late`, the look goes on behind
 * it; `cut_off`, the look ended at its limit of work with what it had found by then; `failed`, there is nothing to go by.
 */
export type FaceOutcome = 'ok' | 'late' | 'cut_off' | 'failed';

export interface FacesSeen {
  /** Undefined when nothing is known. Of a look that went less deep, where this one is late or failed. */
  readonly faces: readonly Face[] | undefined;
  readonly outcome: FaceOutcome;
}

export interface FaceLooks {
  /**
   * A render that may ask for these faces has begun: the first one of a process has the thread started beside everything else that
   * is loaded then. Does nothing later, when the original's header tells in milliseconds whether a look is needed.
   */
  expect(id: string, epoch: Epoch): void;
  /**
   * The faces of an original: known ones at once, else those of one look, shared by all renders of this original meanwhile.
   * Waits for it a second or two, once for each original: a render that comes later waits for as long as a render may take,
   * then throws `render_timeout`. Takes `probe` at once or not at all. Rejects with the error of `probe`.
   */
  see(id: string, epoch: Epoch, depth: LookDepth, probe: () => Promise<Probe>): Promise<FacesSeen>;
  /**
   * All faces of an original, for a rendition that covers them: waits as long as a render may take, then throws `render_timeout`, and
   * `busy` where the look failed or ended short. Otherwise as `see`.
   */
  seeAll(id: string, epoch: Epoch, depth: LookDepth, probe: () => Promise<Probe>): Promise<readonly Face[]>;
  /** Resolves when the look ends that a render of this original did not wait for; undefined when there is none. */
  ending(id: string, epoch: Epoch): Promise<void> | undefined;
  /**
   * Waits for that look, without a slot: as long as a render may take, or some seconds where there is a provisional rendition to
   * send instead. False when it did not end by then, or when too many wait. Rejects with the signal's reason.
   */
  untilSeen(id: string, epoch: Epoch, signal: AbortSignal, instead: boolean): Promise<boolean>;
}

export interface FaceLooksOptions {
  readonly records: OriginalRecords;
  /** Undefined with `DARKROOM_FACES=off`. */
  readonly finder: FaceFinder | undefined;
  /** How long the first render of an original waits for its look before it goes on without, in milliseconds. */
  readonly waitMs?: number;
  /** How long the others wait: as long as a render may take, in milliseconds. */
  readonly patienceMs?: number;
  /** How long those wait that have a provisional rendition to send, in milliseconds. */
  readonly insteadMs?: number;
  onLook?(outcome: 'found' | 'none' | 'cut_off' | 'failed'): void;
  /** A render goes on without the faces of its original, or without being sure of them. */
  onProvisional?(reason: Exclude<FaceOutcome, 'ok'>): void;
  warn(what: string, key: string, reason: unknown): void;
}

/** A look that is about to begin, waits for its turn, or is under way. */
interface Look {
  readonly depth: LookDepth;
  /** The pixels were taken: from then on the look does not need the render that began it. */
  readonly taken: Promise<void>;
  readonly done: Promise<FacesSeen>;
}

/** What a look found that was cut off, and when another one is due, in milliseconds of the monotonic clock. */
interface CutOff {
  readonly found: readonly Face[];
  /** How deep it was to go. */
  readonly needed: LookDepth;
  readonly times: number;
  readonly dueAt: number;
}

/** Ten looks of 150 ms: what a page waits for without being noticed much. */
const WAIT_MS = 1500;
const PATIENCE_MS = 20_000;
/** Under a quarter of a CPU a look ends within five seconds, the start of its thread included. */
const INSTEAD_MS = 10_000;
/** Looks that no render waits for, each with pixels of 1.6 MB. Beyond them renders keep their slots, so that fewer begin. */
const MOST_BEHIND = 8;
/** Renditions that wait for looks without a slot. */
const MOST_WAITING = 256;
const MAX_REMEMBERED = 20_000;
/** Pauses after the second look in a row that was cut off; doubled by each further one. The first may have been a cold one. */
const PAUSE_MS = 60_000;
const MAX_PAUSE_MS = 60 * 60_000;
/** When the looks of a machine short of CPU are likely to have ended, in seconds. */
export const RETRY_AFTER_LOOKS_S = 5;

export function createFaceLooks(options: FaceLooksOptions): FaceLooks {
  const { records, finder, onLook, onProvisional, warn } = options;
  const { waitMs = WAIT_MS, patienceMs = PATIENCE_MS, insteadMs = INSTEAD_MS } = options;
  const looks = new Map<string, Look>();
  // By size, because a limit by number takes its memory, and 10 ms, at the start.
  const bounded = { maxSize: MAX_REMEMBERED, sizeCalculation: () => 1 };
  /** Of these originals a rendition was made without waiting for the look: a second one would be work for nothing. */
  const answeredLate = new LRUCache<string, true>(bounded);
  const cutOffs = new LRUCache<string, CutOff>(bounded);
  let behind = 0;
  let waiting = 0;
  let first = true;

  const nameOf = (id: string, epoch: Epoch) => `${epoch} ${id}`;

  function known(id: string, epoch: Epoch, depth: LookDepth): FacesSeen | undefined {
    // Of a later epoch they are of another picture.
    const faces = records.of(id) === epoch ? facesFor(records.known(id).faces, depth) : undefined;
    if (faces) return { faces, outcome: 'ok' };
    const cutOff = cutOffs.get(nameOf(id, epoch));
    const rests = cutOff && performance.now() < cutOff.dueAt && reaches(cutOff.needed, depth);
    return rests ? { faces: cutOff.found, outcome: 'cut_off' } : undefined;
  }

  /** Better than nothing. */
  function sofar(id: string, epoch: Epoch, outcome: FaceOutcome): FacesSeen {
    const faces = records.of(id) === epoch ? deepestFaces(records.known(id).faces) : undefined;
    return { faces: faces ?? cutOffs.get(nameOf(id, epoch))?.found, outcome };
  }

  async function find(
    id: string,
    epoch: Epoch,
    needed: LookDepth,
    look: ReturnType<FaceFinder['find']>,
  ): Promise<FacesSeen> {
    const name = nameOf(id, epoch);
    try {
      const { faces, depth, complete } = await look;
      const found = faces.slice(0, MAX_FACES);
      if (!complete) {
        const times = (cutOffs.get(name)?.times ?? 0) + 1;
        const pause = times === 1 ? 0 : Math.min(MAX_PAUSE_MS, PAUSE_MS * 2 ** (times - 2));
        cutOffs.set(name, { found, needed, times, dueAt: performance.now() + pause });
        onLook?.('cut_off');
        return { faces: found, outcome: 'cut_off' };
      }
      cutOffs.delete(name);
      onLook?.(found.length > 0 ? 'found' : 'none');
      records.learn(id, epoch, { faces: { [depth]: found } });
      return { faces: found, outcome: 'ok' };
    } catch (reason) {
      onLook?.('failed');
      warn('faces could not be looked for', id, reason);
      return sofar(id, epoch, 'failed');
    }
  }

  function begin(id: string, epoch: Epoch, depth: LookDepth, probe: () => Promise<Probe>, eyes: FaceFinder): Look {
    const name = nameOf(id, epoch);
    // A look that need not go as deep. Where no small face can be hidden, it goes deep enough all the same.
    const before = looks.get(name)?.done;
    eyes.prepare();
    const pixels = probe();
    // Without the pixels themselves: the thread has a copy of its own.
    const taken = pixels.then(() => {});
    const done = Promise.all([pixels, before])
      .then(
        ([probed]) =>
          known(id, epoch, depth) ?? find(id, epoch, depth, eyes.find(probed, depth, new AbortController().signal)),
      )
      .finally(() => looks.get(name) === look && looks.delete(name));
    done.catch(() => {});
    const look: Look = { depth, taken, done };
    looks.set(name, look);
    return look;
  }

  /** Whether this render may go on while the look goes on behind it: one of each original, and not too many at a time. */
  function leaveBehind(name: string, look: Look): boolean {
    if (answeredLate.has(name) || behind >= MOST_BEHIND) return false;
    answeredLate.set(name, true);
    behind += 1;
    const end = () => {
      behind -= 1;
    };
    look.done.then(end, end);
    return true;
  }

  async function wait(id: string, epoch: Epoch, look: Look, patiently: boolean): Promise<FacesSeen> {
    // A failure to decode the probe is the original's error, not the detector's.
    await look.taken;
    const soon = patiently ? undefined : await within(waitMs, look.done);
    if (soon) return soon;
    if (!patiently && leaveBehind(nameOf(id, epoch), look)) return sofar(id, epoch, 'late');
    const found = await within(patienceMs, look.done);
    if (!found) throw errors.renderTimeout(RETRY_AFTER_LOOKS_S);
    return found;
  }

  async function seen(id: string, epoch: Epoch, depth: LookDepth, probe: () => Promise<Probe>, patiently: boolean) {
    const underWay = looks.get(nameOf(id, epoch));
    const enough = underWay && reaches(underWay.depth, depth) ? underWay : undefined;
    const found = known(id, epoch, depth);
    if (found || !finder) return found ?? NOT_LOOKED;
    return wait(id, epoch, enough ?? begin(id, epoch, depth, probe, finder), patiently);
  }

  function ending(id: string, epoch: Epoch): Promise<void> | undefined {
    const name = nameOf(id, epoch);
    const look = answeredLate.has(name) ? looks.get(name) : undefined;
    return look?.done.then(
      () => {},
      () => {},
    );
  }

  return {
    expect(id, epoch) {
      if (first && !known(id, epoch, 'whole')) finder?.prepare();
      first = false;
    },
    async see(id, epoch, depth, probe) {
      const found = await seen(id, epoch, depth, probe, false);
      if (found.outcome !== 'ok') onProvisional?.(found.outcome);
      return found;
    },
    async seeAll(id, epoch, depth, probe) {
      const { faces, outcome } = await seen(id, epoch, depth, probe, true);
      if (!faces || outcome !== 'ok') throw errors.busy(RETRY_AFTER_LOOKS_S);
      return faces;
    },
    ending,
    async untilSeen(id, epoch, signal, instead) {
      const end = ending(id, epoch)?.then(() => true);
      if (!end) return true;
      if (waiting >= MOST_WAITING) return false;
      waiting += 1;
      try {
        return (await within(instead ? insteadMs : patienceMs, end, signal)) ?? false;
      } finally {
        waiting -= 1;
      }
    },
  };
}

const NOT_LOOKED: FacesSeen = { faces: undefined, outcome: 'failed' };

const reaches = (found: LookDepth, needed: LookDepth) => found === 'tiles' || needed === 'whole';
