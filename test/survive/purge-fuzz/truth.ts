import { createHash } from 'node:crypto';
import { readRecord } from '../../../src/originals/records/record.ts';
import { foldersOf, OWN_FOLDER, recordKey } from '../../../src/renditions/keys.ts';
import type { StoredObject } from '../../../src/stores/store.ts';
import { colourOf, type Picture, type Shown, shownBy, toOriginal, versionOf } from './pictures.ts';
import type { MemoryStore } from './stores.ts';

/** From when on what was made of earlier reads of an original may not be answered any more. */
interface Bound {
  readonly why: string;
  /** An id, or a folder with its slash. */
  readonly of: string;
  /** Reads before this moment are of the old picture. */
  readonly before: number;
  /** From this moment on no machine answers it. */
  readonly from: number;
  /** This picture is not old: the new epoch began because it was found. */
  readonly but: number | undefined;
  /** The number of the machine that it holds for; undefined for all. */
  readonly machine?: number;
  /** How long a machine that cannot ask the record may still send it; undefined for not at all. */
  readonly graceEnd: number | undefined;
}

interface Read extends Picture {
  readonly at: number;
}

/** An answer of a machine, when it was on its way. */
export interface Answer {
  readonly machine: number;
  readonly id: string;
  readonly at: number;
  readonly status: number;
  readonly etag: string | undefined;
  readonly cacheControl: string;
  readonly body: Buffer;
  /** When a call of this machine to the results failed last. */
  readonly failedAt: number;
  /** Whether all was purged since anything happened. */
  readonly settled: boolean;
}

export interface TruthOptions {
  readonly results: MemoryStore;
  readonly originals: MemoryStore;
  readonly windowMs: number;
  readonly graceMs: number;
  now(): number;
}

const PREFIXES = `${OWN_FOLDER}/prefixes.json`;
const RECORD = '/original.json';
const GRACE_SECONDS = 60;
/** An original that was read by a machine which cannot ask the record is sent once, after at most two waits and a render. */
const FRESH_MS = 30_000;

/** What is true of the pictures, worked out beside the machines from what reached the stores; and what they may answer. */
export type Truth = ReturnType<typeof createTruth>;

export function createTruth({ results, originals, windowMs, graceMs, now }: TruthOptions) {
  const reads: Read[] = [{ id: '', version: 0, format: 'jpeg', at: 0 }];
  const bounds: Bound[] = [];
  /** When each picture was last the one under its id; of those that are not any more. */
  const goneAt = new Map<number, number>();
  const epochs = new Map<string, number>();
  const folders = new Map<string, number>();
  const bodies = new Map<string, Buffer>();
  const broken: string[] = [];
  const counts = { answers: 0, lasting: 0, passing: 0, notModified: 0, refused: 0, oldInGrace: 0, raises: 0 };

  const digests = new Map<string, number>();
  const pictures: Picture[] = [];
  const lies = (id: string, of: string) => (of.endsWith('/') ? id.startsWith(of) : id === of);
  const complain = (what: string) => void broken.push(`${Math.round(now() % 1e8)}: ${what}`);

  function bound(why: string, of: string, before: number, rest: Partial<Bound> = {}): void {
    const from = now() + windowMs;
    bounds.push({ why, of, before, from, but: undefined, graceEnd: now() + graceMs, ...rest });
  }

  /** What reached the result store, just now. */
  function written(key: string, object: StoredObject): void {
    if (key === PREFIXES) return void prefixesWritten(object);
    if (!key.endsWith(RECORD)) return;
    const id = decodeURIComponent(key.slice(0, -RECORD.length));
    const record = readRecord(object.body, id);
    if (!record) return void complain(`a record was written that cannot be read: ${key}`);
    const before = epochs.get(id) ?? 0;
    epochs.set(id, record.epoch);
    if (record.epoch < before) complain(`the epoch of ${id} fell from ${before} to ${record.epoch}`);
    if (record.epoch <= before) return;
    counts.raises += 1;
    const but = record.source && digests.get(record.source.sha256);
    bound(`epoch ${record.epoch}`, id, now(), { but });
  }

  function prefixesWritten(object: StoredObject): void {
    const { prefixes } = JSON.parse(object.body.toString()) as { prefixes: Record<string, number> };
    for (const [folder, count] of Object.entries(prefixes)) {
      const before = folders.get(folder) ?? 0;
      if (count < before) complain(`the epoch of ${folder} fell from ${before} to ${count}`);
      if (count <= before) continue;
      folders.set(folder, count);
      bound(`epoch ${count} of the folder`, folder, now());
    }
    for (const folder of folders.keys()) if (!(folder in prefixes)) complain(`the purge of ${folder} was forgotten`);
  }

  /** As all machines would say once they have asked; undefined where the record cannot be read. */
  function stampOf(id: string): string | undefined {
    const object = results.objects.get(recordKey(id));
    const record = object ? readRecord(object.body, id) : undefined;
    if (object && !record) return undefined;
    const folder = Math.max(0, ...foldersOf(id).map((each) => folders.get(each) ?? 0));
    return folder === 0 ? String(record?.epoch ?? 0) : `${record?.epoch ?? 0}+${folder}`;
  }

  const isOld = ({ id, version, read }: Pick<Shown, 'id' | 'version' | 'read'>, { of, before, but }: Bound) =>
    lies(id, of) && but !== version && (reads[read]?.at ?? 0) < before;

  /** What is wrong with sending this now. */
  function faultOf(shown: Shown, answer: Answer): string | undefined {
    const { at, machine, etag, cacheControl, failedAt } = answer;
    const passing = etag === undefined && Number(/max-age=(\d+)/.exec(cacheControl)?.[1] ?? 0) <= GRACE_SECONDS;
    const due = bounds.filter((each) => isOld(shown, each) && at > each.from && (each.machine ?? machine) === machine);
    for (const { why, from, graceEnd } of due) {
      const late = `${((at - from) / 1000).toFixed(1)} s late after ${why}`;
      const readNow = Number(reads[shown.read]?.at) + FRESH_MS > at;
      if (graceEnd === undefined || (at > graceEnd && !readNow)) return late;
      if (!passing) return `${late}, and to be kept`;
      if (failedAt < at - windowMs) return `${late}, though the record could be asked`;
    }
    if (due.length > 0) counts.oldInGrace += 1;
    return undefined;
  }

  function check(answer: Answer): void {
    counts.answers += 1;
    const { machine, id, status, etag, cacheControl } = answer;
    if (status !== 200 && status !== 304) {
      counts.refused += 1;
      if (status === 500) complain(`machine ${machine} answered 500 for ${id}`);
      if (etag !== undefined) complain(`machine ${machine} answered ${status} with an ETag`);
      return;
    }
    const body = status === 304 ? bodies.get(String(etag)) : answer.body;
    const shown = body && shownBy(body);
    if (!body || !shown) return void complain(`machine ${machine} answered ${id} with what was never made (${status})`);
    if (status === 304) counts.notModified += 1;
    const said = `machine ${machine} answered ${id} with picture ${shown.version} of read ${shown.read} (${status}, ${cacheControl})`;
    if (shown.id !== id) complain(`${said}, which is of ${shown.id}`);
    if (etag !== undefined) {
      if (etag !== etagOf(body)) complain(`${said} under an ETag of other bytes`);
      bodies.set(etag, body);
    }
    const lasting = cacheControl.includes('immutable');
    // Until it is noticed that a picture was replaced, its faces may be those of the one before.
    const ownFaces = shown.framedBy === 0 || shown.framedBy === shown.version;
    if (lasting && answer.settled && !ownFaces) complain(`${said}, framed by ${shown.framedBy}`);
    if (lasting) counts.lasting += 1;
    else counts.passing += 1;
    if (lasting !== (etag !== undefined)) complain(`${said}: an ETag belongs to what may be kept, and to no other`);
    const fault = faultOf(shown, answer);
    if (fault) complain(`${said}: ${fault}`);
  }

  return {
    ...{ broken, counts, written, check, complain },
    /** An original was put there. */
    put(picture: Picture): void {
      const body = toOriginal(picture);
      pictures.push(picture);
      digests.set(createHash('sha256').update(body).digest('hex'), picture.version);
      this.removed(picture.id);
      goneAt.delete(picture.version);
      originals.objects.set(picture.id, { body, contentType: undefined, cacheControl: undefined, metadata: {} });
    },
    /** The picture that stood there before the one that stands there now. */
    previous(id: string): Picture | undefined {
      const { version } = this.current(id) ?? {};
      return pictures.findLast((picture) => picture.id === id && picture.version !== version);
    },
    /** An original is gone. */
    removed(id: string): void {
      const there = originals.objects.get(id);
      if (there) goneAt.set(JSON.parse(there.body.toString()).version, now());
    },
    /** Returns the number of this read. */
    read(body: Buffer): number {
      return reads.push({ ...JSON.parse(body.toString()), at: now() }) - 1;
    },
    /** A record was damaged: it counts as purged from now on. */
    damaged: (id: string) => bound('a damaged record', id, now()),
    /** A purge was answered without failed steps. `machine`: the one that answered it. */
    purged(of: string, calledAt: number, { machine, told }: { machine: number; told: readonly number[] }): void {
      bound('a purge', of, calledAt);
      for (const each of [machine, ...told])
        bound(`a purge by machine ${machine}`, of, calledAt, { from: now(), machine: each, graceEnd: undefined });
    },
    /** The original was deleted by a purge that was answered. */
    takenDown(id: string, deletedAt: number, machine: number): void {
      bound('a purge with its original', id, deletedAt);
      bound('a purge with its original', id, deletedAt, { from: now(), machine, graceEnd: undefined });
    },
    /** Nothing that any machine would serve is of an old picture. */
    checkStore(): void {
      for (const [key, object] of results.objects) {
        const shown = object.metadata.epoch === undefined ? undefined : shownBy(object.body);
        if (!shown || object.metadata.epoch !== stampOf(shown.id)) continue;
        const wrong = bounds.find((each) => isOld(shown, each));
        if (wrong)
          complain(`the store would serve ${key}, picture ${shown.version} of read ${shown.read}, after ${wrong.why}`);
      }
    },
    /** Nothing at all is left of an old picture, long after the purges. */
    checkLeftovers(): void {
      for (const [key, object] of results.objects) {
        const shown = object.metadata.epoch === undefined ? undefined : shownBy(object.body);
        const wrong = shown && bounds.find((each) => each.why.startsWith('a purge') && isOld(shown, each));
        if (wrong)
          complain(`the store still has ${key}, picture ${shown.version} of read ${shown.read}, after ${wrong.why}`);
      }
    },
    /** Nothing that a CDN keeps, long after the purges. */
    checkCdn(bodies: readonly Buffer[]): void {
      for (const body of bodies) {
        const shown = shownBy(body);
        const wrong = shown && bounds.find((each) => each.why.startsWith('a purge') && isOld(shown, each));
        if (wrong)
          complain(`the CDN still has ${shown.id}, picture ${shown.version} of read ${shown.read}, after ${wrong.why}`);
      }
    },
    /** `colour`: what the API said of an id. */
    checkMeta(answer: Omit<Answer, 'body' | 'etag' | 'cacheControl' | 'settled'>, colour: string): void {
      const version = versionOf(colour);
      const { id, at, machine } = answer;
      if (colour !== colourOf(version)) return void complain(`machine ${machine} described ${id} as ${colour}`);
      const lastAt = goneAt.get(version) ?? Number.POSITIVE_INFINITY;
      const wrong = bounds.find(
        (each) =>
          lies(id, each.of) &&
          each.but !== version &&
          lastAt < each.before &&
          at > Math.max(each.from, answer.failedAt >= at - windowMs ? (each.graceEnd ?? 0) : 0) &&
          (each.machine ?? machine) === machine,
      );
      if (wrong) complain(`machine ${machine} described ${id} as picture ${version} after ${wrong.why}`);
    },
    current: (id: string): Picture | undefined => {
      const there = originals.objects.get(id);
      return there && JSON.parse(there.body.toString());
    },
  };
}

function etagOf(body: Buffer): string {
  return `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
}
