import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { Epoch } from '../../renditions/epochs.ts';
import type { ObjectVersion } from '../../stores/store.ts';
import { comparableTag, type OriginalRecord, patched, replaced, type SourceVersion, sameVersion } from './record.ts';
import type { OriginalRecords } from './records.ts';

/** Notices originals whose bytes are not those that the record knows. */
export interface Replacements {
  /**
   * Compares what was read with the record. Another tag or length is a hint: only another SHA-256 begins a new epoch, durably.
   * Resolves to the epoch that the body belongs to; undefined when that cannot be told now. Never rejects.
   */
  notice(id: string, epoch: Epoch, body: Buffer, version: ObjectVersion | undefined): Promise<Epoch | undefined>;
  /**
   * Two machines read different bytes in this epoch, before either knew of the other: begins a new one, which knows neither.
   * Never rejects.
   */
  contradicted(id: string, epoch: Epoch): Promise<void>;
}

export interface ReplacementsOptions {
  readonly records: OriginalRecords;
  /** At most one new epoch an id within this, in milliseconds, on all machines together: a store that alternates must not purge a CDN without end. */
  readonly windowMs: number;
  /** An original was found replaced: its renditions in the store and the CDN are to go. */
  onReplaced(id: string): void;
  /** One of an id whose new epoch began less than a window ago was let pass. */
  onLimited?(id: string): void;
  warn(what: string, key: string, reason: unknown): void;
  /** The wall clock in milliseconds. */
  now?(): number;
}

/** Some 2 ms at most without SHA instructions. */
const SLICE_BYTES = 512 * 1024;
const RAISE_TIMEOUT_MS = 5000;

export function createReplacements(options: ReplacementsOptions): Replacements {
  const { records, windowMs, onReplaced, onLimited, warn, now = Date.now } = options;
  /** Less than a window ago, by whichever machine. */
  const lately = ({ replacedAt }: OriginalRecord) =>
    replacedAt !== undefined && Math.abs(now() - replacedAt) <= windowMs;

  /** Writes the next record if this epoch is not over, at most once a window. Resolves to the epoch of that record. */
  async function beginAfter(id: string, epoch: Epoch, next: (record: OriginalRecord) => OriginalRecord) {
    let [over, begins, limited] = [false, false, lately(records.known(id))];
    const change = (record: OriginalRecord, current: Epoch) => {
      // A purge came in between, or another machine was first: on which side of it these bytes were read cannot be told.
      over = current !== epoch;
      const following = over ? record : next(record);
      begins = following.epoch !== record.epoch;
      limited = begins && lately(record);
      if (over || limited) return undefined;
      return begins ? { ...following, replacedAt: now() } : following;
    };
    const begun = limited ? undefined : await records.raise(id, AbortSignal.timeout(RAISE_TIMEOUT_MS), change, true);
    if (limited) onLimited?.(id);
    else if (begins) onReplaced(id);
    return over || limited ? undefined : begun;
  }

  // Of bytes that are not those that this machine knows. Where the record knows neither yet, they are a replacement all the same.
  const replacedBy = (source: SourceVersion) => (record: OriginalRecord) =>
    record.source?.sha256 === source.sha256
      ? patched(record, { source })
      : // The digest of an accepted upload stays: `complete` refuses other bytes under its id.
        replaced(record, { source, uploaded: record.uploaded });

  return {
    async notice(id, epoch, body, version) {
      const told = { etag: version?.etag, bytes: body.length, lastModified: version?.lastModified };
      const expected = records.known(id).source;
      if (expected && sameVersion(expected, told)) return epoch;
      try {
        const tag = comparableTag(told);
        const found: SourceVersion = {
          sha256: await sha256Of(body),
          etags: tag === undefined ? [] : [tag],
          ...{ bytes: told.bytes, lastModified: told.lastModified },
        };
        // Looked up again: another read may have been the first to tell. Without a record there is nothing to compare with.
        const { source } = records.known(id);
        if (source && source.sha256 !== found.sha256) return await beginAfter(id, epoch, replacedBy(found));
        if (source?.sha256 !== found.sha256 || tag !== undefined) records.learn(id, epoch, { source: found });
        return epoch;
      } catch (reason) {
        warn('it cannot be told whether an original was replaced', id, reason);
        return undefined;
      }
    },
    async contradicted(id, epoch) {
      try {
        await beginAfter(id, epoch, (record) => replaced(record, { uploaded: record.uploaded }));
      } catch (reason) {
        warn('a new epoch of a replaced original could not begin', id, reason);
      }
    },
  };
}

/**
 * In turns with other work, and behind the turn in which the render of this body begins on its thread. `webcrypto` would do it in a thread,
 * but on a copy of the whole original that nothing counts.
 */
async function sha256Of(body: Buffer): Promise<string> {
  const hash = createHash('sha256');
  for (let at = 0; at < body.length; at += SLICE_BYTES) {
    await setImmediate();
    hash.update(body.subarray(at, at + SLICE_BYTES));
  }
  return hash.digest('hex');
}
