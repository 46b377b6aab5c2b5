import { createHash } from 'node:crypto';
import type { ObjectReader, ObjectStore } from '../../stores/store.ts';
import { MAX_RECORD_BYTES, type OriginalRecord, readRecord, sameVersion } from './record.ts';

export interface VerifyOptions {
  readonly results: ObjectStore;
  readonly originals: ObjectReader;
  /** Only ids that begin with this text; all when empty. */
  readonly prefix: string;
  readonly maxOriginalBytes: number;
  /** Goes on when more than `MOST_GONE` of the originals are gone. */
  readonly force: boolean;
  readonly signal: AbortSignal;
}

/** Ids by what became of their originals since these were read last. */
export interface VerifyReport {
  readonly checked: number;
  readonly replaced: readonly string[];
  readonly gone: readonly string[];
  /** The store refused to say, or failed. */
  readonly unknown: readonly string[];
  /** So many are gone that the bucket may be the wrong one: the walk ended as soon as that was clear. */
  readonly stopped: boolean;
}

const RECORD = '/original.json';
const AT_A_TIME = 8;
const MOST_GONE = 0.01;
/** Of fewer, the first ones say nothing about the rest. */
const LEAST_TO_JUDGE = 100;

/** Walks the records and compares each original with what was read of it last. Rejects when the records cannot be listed. */
export async function verifyOriginals(options: VerifyOptions): Promise<VerifyReport> {
  const { results, originals, prefix, maxOriginalBytes, force, signal } = options;
  const found = { replaced: [] as string[], gone: [] as string[], unknown: [] as string[] };
  let checked = 0;
  // A single one is no sign, however few there are.
  const areTooMany = () => !force && found.gone.length > Math.max(1, MOST_GONE * checked);
  const endsEarly = () => checked >= LEAST_TO_JUDGE && areTooMany();

  async function recordAt(key: string): Promise<OriginalRecord | undefined> {
    const object = await results.get(key, { signal, maxBytes: MAX_RECORD_BYTES });
    const id = object && idOf(object.body);
    return id === undefined ? undefined : readRecord(object?.body ?? Buffer.alloc(0), id);
  }

  async function compare({ id, source }: OriginalRecord): Promise<'same' | 'replaced' | 'gone' | 'unknown'> {
    if (!source) return 'same';
    const version = await originals.head(id, { signal });
    if (version === 'missing') return 'gone';
    if (version === 'unknown') return 'unknown';
    if (sameVersion(source, version)) return 'same';
    const object = await originals.get(id, { signal, maxBytes: maxOriginalBytes, bodyOnly: true });
    // It was there a moment ago: refusals, too, read as missing where the credentials may not list (docs/stores.md).
    if (!object) return 'unknown';
    return createHash('sha256').update(object.body).digest('hex') === source.sha256 ? 'same' : 'replaced';
  }

  async function verifyOne(key: string): Promise<void> {
    const record = await recordAt(key);
    if (!record?.id.startsWith(prefix)) return;
    const outcome = await compare(record).catch(() => 'unknown' as const);
    checked += 1;
    if (outcome !== 'same') found[outcome].push(record.id);
  }

  // A longer prefix cannot be told by the name of a shortened folder, so ids have the last word.
  for await (const keys of results.list(encodeURIComponent(prefix).slice(0, 575), { signal })) {
    const records = keys.filter((key) => key.endsWith(RECORD)).values();
    const next = async () => {
      for (const key of records) {
        if (endsEarly()) return;
        await verifyOne(key);
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, next));
    if (endsEarly()) break;
  }
  return { checked, ...found, stopped: areTooMany() };
}

function idOf(body: Buffer): string | undefined {
  try {
    const { id } = JSON.parse(body.toString('utf8'));
    return typeof id === 'string' ? id : undefined;
  } catch {
    return undefined;
  }
}

/** For people, a line each. */
export function describeVerification({ checked, replaced, gone, unknown, stopped }: VerifyReport): string[] {
  return [
    ...replaced.map((id) => `replaced: ${id}`),
    ...gone.map((id) => `gone: ${id}`),
    ...unknown.map((id) => `not known: ${id}`),
    `${checked} compared: ${replaced.length} replaced, ${gone.length} gone, ${unknown.length} not known`,
    ...(stopped ? ['More than 1 % are gone: is this the right bucket? --force goes on.'] : []),
  ];
}
