import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { Epoch } from '../../renditions/epochs.ts';
import type { ObjectVersion } from '../../stores/store.ts';
import { comparableTag, type OriginalRecord, patched, raised, type SourceVersion, sameVersion } from './record.ts';
import type { OriginalRecords } from './records.ts';

/** Notices originals whose bytes are not those that the record knows. */
export interface Replacements {
  /**
   * Compares what was read with the record. Another tag or length is a hint: only another SHA-256 begins a new epoch, durably.
   * Resolves to the epoch that the body belongs to; undefined when that cannot be told now. Never rejects.
   */
  notice(id: string, epoch: Epoch, body: Buffer, version: ObjectVersion | undefined): Promise<Epoch | undefined>;
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

  async function begin(id: string, source: SourceVersion): Promise<Epoch | undefined> {
    let [replaced, limited] = [false, lately(records.known(id))];
    const epoch = limited
      ? undefined
      : await records.raise(id, AbortSignal.timeout(RAISE_TIMEOUT_MS), (record) => {
          // Another machine may have been first: then the record knows these bytes already.
          replaced = record.source !== undefined && record.source.sha256 !== source.sha256;
          if (!replaced) return patched(record, { source });
          limited = lately(record);
          // The digest of an accepted upload stays: `complete` refuses other bytes under its id.
          const next = raised(record, { source, uploaded: record.uploaded });
          return limited ? undefined : { ...next, replacedAt: now() };
        });
    if (limited) onLimited?.(id);
    else if (replaced) onReplaced(id);
    return limited ? undefined : epoch;
  }

  return {
    async notice(id, epoch, body, version) {
      const { source } = records.known(id);
      const told = { etag: version?.etag, bytes: body.length, lastModified: version?.lastModified };
      if (source && sameVersion(source, told)) return epoch;
      try {
        const tag = comparableTag(told);
        const found: SourceVersion = {
          sha256: await sha256Of(body),
          etags: tag === undefined ? [] : [tag],
          ...{ bytes: told.bytes, lastModified: told.lastModified },
        };
        // Without a record that can be asked there is nothing to compare with.
        if (source && source.sha256 !== found.sha256) return await begin(id, found);
        if (source?.sha256 !== found.sha256 || tag !== undefined) records.learn(id, epoch, { source: found });
        return epoch;
      } catch (reason) {
        warn('it cannot be told whether an original was replaced', id, reason);
        return undefined;
      }
    },
  };
}

/** In turns with other work. `webcrypto` would do it in a thread, but on a copy of the whole original that nothing counts. */
async function sha256Of(body: Buffer): Promise<string> {
  const hash = createHash('sha256');
  for (let at = 0; at < body.length; at += SLICE_BYTES) {
    if (at > 0) await setImmediate();
    hash.update(body.subarray(at, at + SLICE_BYTES));
  }
  return hash.digest('hex');
}
