import { LRUCache } from 'lru-cache';
import type { WorkQueue } from '../../flow/work-queue.ts';
import { DESCRIBE_MS } from '../../render/cost-estimate.ts';
import type { ObjectReader } from '../../stores/store.ts';
import type { OriginalReader } from '../reader.ts';
import { replaced, sameVersion } from './record.ts';
import type { OriginalRecords } from './records.ts';

/** Asks originals now and then whether they are still what the record says (`DARKROOM_ORIGINALS_CHECK`). */
export interface OriginalCheck {
  /** Whether this original is to be asked before a cached answer is sent. */
  due(id: string): boolean;
  /** Asks it, once for all who wait; a replaced or deleted one begins a new epoch. Never rejects; takes some seconds at most. */
  ask(id: string): Promise<void>;
}

export interface OriginalCheckOptions {
  readonly originals: ObjectReader;
  readonly reader: OriginalReader;
  readonly records: OriginalRecords;
  readonly queue: WorkQueue;
  /** Undefined: originals are never asked. */
  readonly everyMs: number | undefined;
  readonly maxOriginalBytes: number;
  /** An original is gone: its renditions in the store and the CDN are to go. */
  onGone(id: string): void;
  warn(what: string, key: string, reason: unknown): void;
  /** The wall clock in milliseconds. */
  now?(): number;
}

const HEAD_MS = 2000;
const READ_MS = 10_000;
const MAX_REMEMBERED = 100_000;

export function createOriginalCheck(options: OriginalCheckOptions): OriginalCheck {
  const { originals, reader, records, queue, everyMs, maxOriginalBytes, onGone, warn, now = Date.now } = options;
  // By size, because a limit by number takes its memory, and 10 ms, at the start.
  const asked = new LRUCache<string, number>({ maxSize: MAX_REMEMBERED, sizeCalculation: () => 1 });
  const asking = new Map<string, Promise<void>>();

  async function compare(id: string): Promise<void> {
    const version = await originals.head(id, { signal: AbortSignal.timeout(HEAD_MS) });
    await records.see(id);
    const { source } = records.known(id);
    // A refusal says nothing, and nothing was ever made of an original without a source.
    if (version === 'unknown' || !source) return;
    if (version === 'missing') {
      await records.raise(id, AbortSignal.timeout(READ_MS), (record) => replaced(record));
      return onGone(id);
    }
    if (sameVersion(source, version)) return;
    // Only its bytes tell whether it was replaced.
    const signal = AbortSignal.timeout(READ_MS);
    using permit = await queue.enter(DESCRIBE_MS, signal);
    const limits = { signal, maxBytes: maxOriginalBytes, onLength: (bytes: number) => permit.hold(bytes) };
    using held = await reader.read(id, records.of(id), limits);
    await held.epoch;
  }

  return {
    due(id) {
      if (everyMs === undefined) return false;
      const at = asked.get(id);
      return at === undefined || Math.abs(now() - at) > everyMs;
    },
    ask(id) {
      const work =
        asking.get(id) ??
        compare(id)
          .catch((reason) => warn('an original could not be compared with its record', id, reason))
          .finally(() => {
            asked.set(id, now());
            asking.delete(id);
          });
      asking.set(id, work);
      return work;
    },
  };
}
