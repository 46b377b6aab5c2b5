import { setTimeout as delay } from 'node:timers/promises';
import { errors } from '../../errors.ts';
import type { WriteBehind } from '../../flow/write-behind.ts';
import type { Epoch, Epochs } from '../../renditions/epochs.ts';
import { recordKey } from '../../renditions/keys.ts';
import type { ObjectStore, StoredObject } from '../../stores/store.ts';
import { createPrefixEpochs } from './prefix-epochs.ts';
import {
  emptyRecord,
  MAX_RECORD_BYTES,
  type OriginalRecord,
  patched,
  type RecordPatch,
  raised,
  readRecord,
  salvaged,
  shopSays,
  writeRecord,
} from './record.ts';
import { createRecordMemory, type OriginalView, type RecordState } from './record-memory.ts';

/** The records of all originals: one object each in the result store, shared by all machines, and copies in memory. */
export interface OriginalRecords extends Epochs {
  /** What was seen within the purge window; undefined when the record must be asked first. */
  trusted(id: string): OriginalView | undefined;
  /**
   * As `trusted`, after asking the record where that is due, once for all who wait. `least`: an epoch's number that a URL tells of: a
   * copy of before it is not trusted, however young. Never rejects; takes two seconds at most, four with `least`.
   */
  see(id: string, least?: number): Promise<OriginalView>;
  /** What memory holds of the record. */
  known(id: string): OriginalRecord;
  /** Whether this view is younger than the purge window, whatever it said. */
  isRecent(view: OriginalView): boolean;
  /** Whether something in memory may be sent whose original was read at this time, in unix milliseconds. */
  mayServe(view: OriginalView, readAt: number): boolean;
  /** Merges into the record, in memory at once and in the store behind the answer, unless the epoch is over. */
  learn(id: string, epoch: Epoch, patch: RecordPatch): void;
  /**
   * Begins a new epoch, durably: resolves to it once the store has it. `next`: the record from which it begins, by default one
   * that knows nothing of the old picture; undefined leaves the record as it is. Rejects with the store's error, and with what `next`
   * throws: then this process trusts its copy no more, except of what a read `noticed`, which the next read notices again.
   */
  raise(id: string, signal: AbortSignal, next?: NextRecord, noticed?: boolean): Promise<Epoch>;
  /** Begins a new epoch for all ids below a folder, which ends with a slash. Rejects with the store's error. */
  raiseFolder(folder: string, signal: AbortSignal): Promise<void>;
  /** What this process holds of an id is not trusted until its record was read again. */
  distrust(id: string): void;
  /** Likewise for all ids, until the purges of folders were read again. */
  distrustAll(): void;
}

/** `epoch`: the one of `record`, which is as the store has it now. */
export type NextRecord = (record: OriginalRecord, epoch: Epoch) => OriginalRecord | undefined;

export interface RecordsOptions {
  readonly results: ObjectStore;
  readonly saves: WriteBehind;
  /** How long memory is trusted since the record was seen, in milliseconds of the wall clock. */
  readonly windowMs: number;
  /** How long it is sent at most while the record cannot be asked. */
  readonly graceMs: number;
  /** A new epoch began: what this process holds of the original is of no use any more. */
  onEpoch(id: string): void;
  /** Two machines read different bytes of an original in the same epoch: one of them before it was replaced. */
  onContradiction?(id: string, epoch: Epoch): void;
  warn(what: string, key: string, reason: unknown): void;
  /** The wall clock in milliseconds: the monotonic one may stand still while a machine is suspended. */
  now?(): number;
}

/** A store that takes longer counts as one that cannot be asked. */
const LOOKUP_MS = 1000;
/** Each loser of a race reads again; with the pauses between, this is some two seconds. */
const ATTEMPTS = 12;
const PAUSE_MS = 25;
/** Once more where a peer's message or a suspend came between question and answer. */
const ASKED = 2;
/** What is learned of an original comes in pieces: what the source says, then size and faces. One PUT for all of it. */
const LEARN_PAUSE_MS = 1000;
/** Of a save that waits, as the write-behind queue counts it. */
const RECORD_BYTES = 2048;

interface Lesson {
  readonly epoch: Epoch;
  readonly patch: RecordPatch;
}

export function createOriginalRecords(options: RecordsOptions): OriginalRecords {
  const { results, saves, windowMs, graceMs, onEpoch, onContradiction, warn, now = Date.now } = options;
  const prefixes = createPrefixEpochs(results, now);
  const memory = createRecordMemory({ prefixes, windowMs, graceMs, answerMs: LOOKUP_MS, onEpoch, now });
  const asking = new Map<string, Promise<OriginalView>>();
  const pending = new Map<string, Lesson>();
  let refreshing: Promise<void> | undefined;
  let lessons = 0;

  /** The record as the store has it now. */
  async function read(id: string, signal: AbortSignal): Promise<RecordState> {
    const begun = memory.begin(id);
    const state = memory.state(id);
    const [key, limits] = [recordKey(id), { signal, maxBytes: MAX_RECORD_BYTES }];
    const asked = state?.etag ? await results.getIfChanged(key, state.etag, limits) : await results.get(key, limits);
    if (asked === 'unchanged' && state) return memory.take(id, state.stored, state.etag, begun);
    const object = asked === 'unchanged' ? undefined : asked;
    if (!object) return memory.take(id, emptyRecord(id), undefined, begun);
    const record = readRecord(object.body, id);
    return record ? memory.take(id, record, object.version?.etag, begun) : repair(id, object, signal);
  }

  /**
   * A record that cannot be parsed counts as purged now. Its count is lost: the time is higher than most. By the store's clock,
   * so that it rises when another machine, with another clock, repairs the next one.
   */
  async function repair(id: string, { body, version }: StoredObject, signal: AbortSignal): Promise<RecordState> {
    const { etag, lastModified } = version ?? {};
    warn('the record of an original cannot be read, which counts as a purge', recordKey(id), undefined);
    const begun = memory.begin(id);
    const epoch = Math.max(lastModified ?? begun.at, memory.known(id).epoch + 1);
    const record = { ...emptyRecord(id, epoch), ...shopSays(memory.known(id)), ...salvaged(body) };
    const outcome = await results.putIf(recordKey(id), writeRecord(record), etag ? { etag } : 'absent', { signal });
    if (outcome === 'conflict') return read(id, signal);
    onEpoch(id);
    return memory.take(id, record, outcome.etag, begun);
  }

  /**
   * Read, change, write unless it was changed meanwhile; else again. Resolves to the epoch of the record as it is then.
   * `first`: what to change at first, in place of a read: the condition of the write finds out whether it is still so.
   */
  async function update(id: string, signal: AbortSignal, change: NextRecord, first?: RecordState): Promise<Epoch> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const { stored, etag } = (attempt === 1 ? first : undefined) ?? (await read(id, signal));
      const next = change(memory.withLearned(stored), memory.stampOf(stored));
      const object = next && writeRecord(next);
      if (!object || object.body.equals(writeRecord(stored).body)) return memory.stampOf(stored);
      // Told now: a purge of its folder, while the write is on its way, is not part of it.
      const [begun, epoch] = [memory.begin(id), memory.stampOf(next)];
      const outcome = await results.putIf(recordKey(id), object, etag ? { etag } : 'absent', { signal });
      if (outcome !== 'conflict') {
        memory.take(id, next, outcome.etag, begun);
        return epoch;
      }
      await delay(PAUSE_MS * attempt * (0.5 + Math.random()), undefined, { signal });
    }
    throw errors.storeFailed(new Error(`the record of ${id} was written by others ${ATTEMPTS} times in a row`));
  }

  function refreshPrefixes(): Promise<void> {
    refreshing ??= prefixes.refresh(AbortSignal.timeout(LOOKUP_MS)).finally(() => {
      refreshing = undefined;
    });
    return refreshing;
  }

  async function ask(id: string): Promise<OriginalView> {
    try {
      for (let attempt = 1; attempt <= ASKED; attempt += 1) {
        const folders = memory.prefixesAreFresh() ? undefined : refreshPrefixes();
        await Promise.all([read(id, AbortSignal.timeout(LOOKUP_MS)), folders]);
        if (memory.isNews(id) && memory.prefixesAreFresh()) return memory.viewOf(id, true);
      }
      return memory.viewOf(id, false);
    } catch (reason) {
      warn('the record of an original cannot be asked', recordKey(id), reason);
      return memory.viewOf(id, false);
    }
  }

  /** One save for all that is learned of an id before the save begins. */
  function saveBehind(id: string, pauseMs: number): void {
    lessons += 1;
    let mine: Lesson | undefined;
    const run = async (signal: AbortSignal) => {
      mine ??= pending.get(id);
      pending.delete(id);
      const { epoch, patch } = mine ?? { epoch: '', patch: {} };
      let contradicted = false;
      const change: NextRecord = (record, current) => {
        contradicted = current === epoch && contradicts(record, patch);
        return current === epoch && !contradicted ? patched(record, patch) : undefined;
      };
      await update(id, signal, change, memory.state(id));
      if (contradicted) onContradiction?.(id, epoch);
    };
    // A key of its own: what is learned while a save of this record is under way is saved behind it.
    const key = `${recordKey(id)} ${lessons}`;
    saves.add({ key, bytes: RECORD_BYTES, pauseMs, run, onLost: () => pending.delete(id) });
  }

  return {
    of: memory.of,
    known: memory.known,
    trusted: memory.trusted,
    mayServe: memory.mayServe,
    isRecent: memory.isRecent,
    distrust: memory.distrust,
    distrustAll: prefixes.distrust,
    async see(id, least = 0) {
      const reached = () => memory.known(id).epoch >= least;
      const already = memory.trusted(id);
      if (already && reached()) return already;
      const earlier = await asking.get(id);
      // It may have read the record before the epoch that the URL tells of began.
      if (earlier && reached()) return earlier;
      const underWay = asking.get(id) ?? ask(id).finally(() => asking.delete(id));
      asking.set(id, underWay);
      const view = await underWay;
      if (!view.current && !reached()) memory.outdate(id);
      return view;
    },
    async confirm(id, signal) {
      await read(id, signal);
      if (!memory.prefixesAreFresh()) await refreshPrefixes();
      return memory.of(id);
    },
    learn(id, epoch, patch) {
      if (memory.of(id) !== epoch) return;
      memory.learn(id, patch);
      const waiting = pending.get(id);
      pending.set(id, { epoch, patch: waiting?.epoch === epoch ? mergedPatches(id, waiting.patch, patch) : patch });
      // Another machine may soon be asked whether an upload was changed.
      if (patch.uploaded !== undefined) saveBehind(id, 0);
      else if (!waiting) saveBehind(id, LEARN_PAUSE_MS);
    },
    async raise(id, signal, next = (record) => raised(record), noticed = false) {
      try {
        return await update(id, signal, next);
      } catch (reason) {
        // The store may have taken it all the same.
        if (!noticed) memory.distrust(id);
        throw reason;
      }
    },
    raiseFolder: (folder, signal) => prefixes.raise(folder, signal),
  };
}

function contradicts({ source }: OriginalRecord, patch: RecordPatch): boolean {
  return source !== undefined && patch.source !== undefined && source.sha256 !== patch.source.sha256;
}

function mergedPatches(id: string, first: RecordPatch, second: RecordPatch): RecordPatch {
  const { source, picture, faces, uploaded } = patched(patched(emptyRecord(id), first), second);
  const fields = Object.entries({ source, picture, faces, uploaded }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(fields);
}
