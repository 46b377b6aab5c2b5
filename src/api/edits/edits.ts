import { createHash } from 'node:crypto';
import { DarkroomError, errors } from '../../errors.ts';
import type { OriginalReader } from '../../originals/reader.ts';
import type { ShopSays } from '../../originals/records/edit.ts';
import { edited, type OriginalRecord, shopSays, takenDown } from '../../originals/records/record.ts';
import type { OriginalRecords } from '../../originals/records/records.ts';
import type { Purge, PurgeReport } from '../purge.ts';
import type { EditPatch } from './edit-fields.ts';
import { afterPatch } from './merge-patch.ts';

export interface EditsDeps {
  readonly records: OriginalRecords;
  readonly reader: OriginalReader;
  readonly purge: Purge;
}

/** What the shop says of an original, as its record has it. */
export interface EditState extends ShopSays {
  /** To be put into URLs: another one from each edit on. */
  readonly v: string;
  /** Of epoch, edit and alternative text; strong. */
  readonly etag: string;
}

export interface Edits {
  /** As the record has it now. Rejects with the store's errors. */
  of(id: string, signal: AbortSignal): Promise<EditState>;
  /**
   * Merges into the record, durably, and has all machines and the CDN forget what was made before. `ifMatch`: the header. Throws
   * `original_not_found`, `changed_meanwhile`, `bad_request` and the store's errors; `purged`: what else was done, where a picture
   * may have changed.
   */
  patch(
    id: string,
    patch: EditPatch,
    ifMatch: string | undefined,
    signal: AbortSignal,
  ): Promise<EditState & { readonly purged: PurgeReport | undefined }>;
}

export function createEdits({ records, reader, purge }: EditsDeps): Edits {
  async function inTime<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
    return work.catch((error) => {
      throw signal.aborted && !(error instanceof DarkroomError) ? errors.storeTimeout(error) : error;
    });
  }

  async function write(id: string, change: (record: OriginalRecord) => OriginalRecord, signal: AbortSignal) {
    let written: OriginalRecord | undefined;
    try {
      const next = (record: OriginalRecord) => {
        written = change(record);
        return written;
      };
      await records.raise(id, signal, next, true);
    } catch (error) {
      // The store may have taken it all the same; a refusal has written nothing.
      if (!(error instanceof DarkroomError) || error.status >= 500) records.distrust(id);
      throw error;
    }
    return written ?? records.known(id);
  }

  async function patchNow(id: string, patch: EditPatch, ifMatch: string | undefined, signal: AbortSignal) {
    if (!(await reader.mayExist(id, signal))) throw errors.originalNotFound();
    const record = await write(
      id,
      (before) => {
        if (ifMatch !== undefined && !matches(ifMatch, stateOf(before).etag)) throw errors.changedMeanwhile();
        return withSays(before, afterPatch(before, patch));
      },
      signal,
    );
    if (!(await reader.mayExist(id, signal))) {
      // Taken down meanwhile, perhaps before the edit was written: no photo that comes under its id is to have it.
      await write(id, takenDown, signal);
      throw errors.originalNotFound();
    }
    const { alt: _, ...pictured } = patch;
    // Where it is so already, too: the call that wrote it may have ended before it had told the CDN.
    const tells = Object.values(pictured).some((value) => value !== undefined);
    const purged = tells ? await purge(id, { original: false, again: true, raised: true }, signal) : undefined;
    return { ...stateOf(record), purged };
  }

  return {
    of: (id, signal) =>
      inTime(
        signal,
        records.confirm(id, signal).then(() => stateOf(records.known(id))),
      ),
    patch: (id, patch, ifMatch, signal) => inTime(signal, patchNow(id, patch, ifMatch, signal)),
  };
}

/** What stays the same begins no epoch, and neither does the alternative text alone. */
function withSays(record: OriginalRecord, says: ShopSays): OriginalRecord {
  const { edit: _, alt: __, ...rest } = record;
  const before = record.edit;
  return JSON.stringify(before) === JSON.stringify(says.edit) ? { ...rest, ...says } : edited(record, says);
}

export function stateOf(record: OriginalRecord): EditState {
  const says = shopSays(record);
  const digest = createHash('sha256').update(JSON.stringify([record.epoch, says]));
  return { ...says, v: String(record.epoch), etag: `"${digest.digest('base64url').slice(0, 22)}"` };
}

/** Strong comparison: a weak tag never matches (RFC 9110, 13.1.1). */
function matches(ifMatch: string, etag: string): boolean {
  return ifMatch.trim() === '*' || ifMatch.split(',').some((tag) => tag.trim() === etag);
}
