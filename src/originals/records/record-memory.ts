import { LRUCache } from 'lru-cache';
import type { Edit } from '../../render/recipe.ts';
import type { Epoch } from '../../renditions/epochs.ts';
import { joinFaces } from './known-faces.ts';
import type { PrefixEpochs } from './prefix-epochs.ts';
import { afterFolderPurge, emptyRecord, type OriginalRecord, patched, type RecordPatch } from './record.ts';

/** An original as its record told it last. */
export interface OriginalView {
  readonly epoch: Epoch;
  /** The shop's edit in this epoch. */
  readonly edit?: Edit | undefined;
  /** Whether the record was seen within the purge window. If not, it cannot be asked now. */
  readonly current: boolean;
  /** When it was seen, in unix milliseconds; 0 for never. */
  readonly seenAt: number;
  /** When it was asked for, in unix milliseconds. */
  readonly askedAt: number;
}

/** The record of one original as this process has it. */
export interface RecordState {
  /** As the store had it. */
  readonly stored: OriginalRecord;
  /** With what this process learned since and has not saved yet. */
  readonly record: OriginalRecord;
  readonly etag: string | undefined;
  /** When the reading began that brought it, in unix milliseconds. */
  readonly seenAt: number;
  /** Rises with every state that this memory takes. */
  readonly turn: number;
  /** A URL told of a later epoch, and the record could not be asked: this copy is not trusted, though what it says may be sent. */
  readonly outdated?: true;
}

export interface RecordMemoryOptions {
  readonly prefixes: Pick<PrefixEpochs, 'of' | 'seenAt'>;
  readonly windowMs: number;
  readonly graceMs: number;
  /** How long the store may take to answer. */
  readonly answerMs: number;
  onEpoch(id: string): void;
  now(): number;
}

/** At some 1.5 KB each. */
const MAX_REMEMBERED = 20_000;
const MAX_DOUBTS = 100_000;

/** Copies of records, bounded in number, with the wall-clock rules of how long each is trusted. */
export function createRecordMemory(options: RecordMemoryOptions) {
  const { prefixes, windowMs, graceMs, onEpoch, now } = options;
  const newsMs = Math.max(windowMs, options.answerMs);
  // By size, because a limit by number takes its memory, and 10 ms for 100,000 entries, at the start.
  const states = new LRUCache<string, RecordState>({ maxSize: MAX_REMEMBERED, sizeCalculation: () => 1 });
  /** Ids that this process was told to forget; the number differs each time, so that no epoch comes back. */
  const doubts = new LRUCache<string, number>({ maxSize: MAX_DOUBTS, sizeCalculation: () => 1 });
  let turns = 0;

  const within = (at: number, ms: number) => now() - at <= ms && now() >= at;
  const asOfNow = (record: OriginalRecord) => afterFolderPurge(record, prefixes.of(record.id));
  const known = (id: string) => asOfNow(states.get(id)?.record ?? emptyRecord(id));

  function stampOf({ id, epoch, edit }: OriginalRecord): Epoch {
    const folder = prefixes.of(id);
    // What a machine of a version that knows no edits makes in this epoch is missing to those that do.
    const own = edit ? `${epoch}e` : String(epoch);
    return folder === 0 ? own : `${own}+${folder}`;
  }

  /** A stored record, with what was learned here and is not in the store yet, without what is of before its folder's purge. */
  function withLearned(stored: OriginalRecord): OriginalRecord {
    const learned = states.peek(stored.id)?.record;
    const ofSameEpoch = learned && stampOf(learned) === stampOf(stored);
    return ofSameEpoch ? joined(asOfNow(stored), asOfNow(learned)) : asOfNow(stored);
  }

  function of(id: string): Epoch {
    const doubt = doubts.get(id);
    return doubt === undefined ? stampOf(known(id)) : `${stampOf(known(id))}!${doubt}`;
  }

  const seenAt = (id: string) => Math.min(states.peek(id)?.seenAt ?? 0, prefixes.seenAt);

  function viewOf(id: string, current: boolean): OriginalView {
    return { epoch: of(id), edit: known(id).edit, current, seenAt: seenAt(id), askedAt: now() };
  }

  return {
    ...{ known, of, stampOf, viewOf },
    withLearned,
    state: (id: string) => states.get(id),
    /** What `take` is given back with, to tell what came up while a record was being read. */
    begin: (id: string) => ({ at: now(), turn: turns, doubt: doubts.get(id) }),
    /** Whether what was just heard of an id counts: an answer that this machine slept through is old. */
    isNews: (id: string) => !doubts.has(id) && within(seenAt(id), newsMs),
    prefixesAreFresh: () => within(prefixes.seenAt, windowMs),

    /** A record that was read or written. Returns the state that counts, which is a later one if there is one. */
    take(
      id: string,
      told: OriginalRecord,
      etag: string | undefined,
      begun: { at: number; turn: number; doubt?: number | undefined },
    ) {
      const before = states.get(id);
      const older = before !== undefined && told.epoch < before.stored.epoch;
      // Another read or write of this process ended after this one began: its state is no older, unless its epoch is.
      if (before && before.turn > begun.turn && (older || told.epoch === before.stored.epoch)) return before;
      // The store lost the record or got an earlier copy back.
      const stored = older ? { ...told, epoch: before.stored.epoch, ...saysOf(before.stored) } : told;
      const epochBefore = before && of(id);
      const record = withLearned(stored);
      const sameDoubt = doubts.get(id) === begun.doubt;
      // A doubt that came up meanwhile stands: it may be of a purge that the read was too early for.
      if (sameDoubt) doubts.delete(id);
      turns += 1;
      const state = { stored, record, etag, seenAt: sameDoubt ? begun.at : 0, turn: turns };
      states.set(id, state);
      if (epochBefore !== undefined && epochBefore !== of(id)) onEpoch(id);
      return state;
    },

    trusted(id: string): OriginalView | undefined {
      const state = states.get(id);
      if (!state || state.outdated || !within(state.seenAt, windowMs) || !within(prefixes.seenAt, windowMs))
        return undefined;
      return viewOf(id, true);
    },

    isRecent: ({ askedAt }: OriginalView) => within(askedAt, windowMs),

    mayServe: ({ current, seenAt }: OriginalView, readAt: number) =>
      current || within(Math.max(seenAt, readAt), graceMs),

    /** What this process learned and is about to save. */
    learn(id: string, patch: RecordPatch): void {
      const state = states.get(id) ?? {
        stored: emptyRecord(id),
        record: emptyRecord(id),
        etag: undefined,
        seenAt: 0,
        turn: 0,
      };
      states.set(id, { ...state, record: patched(asOfNow(state.record), patch) });
    },

    outdate(id: string): void {
      const state = states.get(id);
      if (state) states.set(id, { ...state, outdated: true });
    },

    distrust(id: string): void {
      turns += 1;
      doubts.set(id, turns);
      const state = states.get(id);
      if (state) states.set(id, { ...state, seenAt: 0 });
      onEpoch(id);
    },
  };
}

const saysOf = ({ edit, alt }: OriginalRecord) => ({ edit, alt });

/** What was learned here and is not in the store yet stands; the rest is as the store has it. */
function joined(stored: OriginalRecord, here: OriginalRecord): OriginalRecord {
  return {
    ...stored,
    source: stored.source ?? here.source,
    picture: stored.picture ?? here.picture,
    faces: joinFaces(stored.faces, here.faces),
    uploaded: stored.uploaded ?? here.uploaded,
  };
}
