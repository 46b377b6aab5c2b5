import { DETECTOR_VERSION } from '../../faces/face.ts';
import type { PictureDescription } from '../../render/describe.ts';
import { REPORT_VERSION } from '../../render/photo-report.ts';
import type { ObjectVersion, StoredObject } from '../../stores/store.ts';
import { isAlt, isEdit, ofOtherBytes, type ShopSays } from './edit.ts';
import { joinFaces, type KnownFaces, readFaces, writeFaces } from './known-faces.ts';

/**
 * What all machines know about one original: the object `original.json` beside its renditions. Read, merged and written
 * conditionally, so that no machine overwrites what another one recorded.
 */
export interface OriginalRecord extends ShopSays {
  readonly id: string;
  /** How often the original was purged, replaced or edited. Never falls. */
  readonly epoch: number;
  /** Count of the last purge of one of its folders before the rest was learned; 0 for none. */
  readonly folder: number;
  /** What its store said when it was last read; undefined before that. */
  readonly source: SourceVersion | undefined;
  readonly picture: PictureDescription | undefined;
  /** Undefined until a look was finished. */
  readonly faces: KnownFaces | undefined;
  /** When its bytes were last found replaced, in unix milliseconds. */
  readonly replacedAt: number | undefined;
  /** Digest in hex of an upload that `complete` accepted. */
  readonly uploaded: string | undefined;
  /** Fields of later versions of this program, kept as they are. */
  readonly others: Readonly<Record<string, unknown>>;
}

/** The bytes of an original, and the tags under which its store was seen to hand out these very bytes. */
export interface SourceVersion {
  /** In hex. */
  readonly sha256: string;
  /** Without `W/`, the latest last. */
  readonly etags: readonly string[];
  readonly bytes: number;
  /** Unix milliseconds. */
  readonly lastModified: number | undefined;
}

/** What a piece of work learned about an original. */
export type RecordPatch = Partial<Pick<OriginalRecord, 'source' | 'picture' | 'faces' | 'uploaded'>>;

const VERSION = 1;
/** Tags of the same bytes: replicas and copies have tags of their own. */
const MAX_ETAGS = 8;
export const MAX_RECORD_BYTES = 256 * 1024;

export function emptyRecord(id: string, epoch = 0, folder = 0): OriginalRecord {
  const unknown = { source: undefined, picture: undefined, faces: undefined, uploaded: undefined };
  return { id, epoch, folder, ...unknown, replacedAt: undefined, others: {} };
}

/** The record after a purge: nothing that was learned about the picture, and all that the shop says of it. */
export function raised(record: OriginalRecord): OriginalRecord {
  return { ...forgotten(record, record.epoch + 1), ...saidOfBytes(record) };
}

/** With the bytes that it is said of: a photo that is replaced is often purged too, and is not to have the edit of the old one. */
function saidOfBytes(record: OriginalRecord): ShopSays & Partial<Pick<OriginalRecord, 'source'>> {
  const says = shopSays(record);
  return Object.keys(says).length > 0 ? { ...says, source: record.source } : {};
}

/** After its bytes were replaced, or went missing. */
export function replaced(record: OriginalRecord, kept: RecordPatch = {}): OriginalRecord {
  return { ...forgotten(record, record.epoch + 1), ...ofOtherBytes(record), ...kept };
}

/** After it was taken down with its original: what comes under its id some day is none of this. */
export function takenDown(record: OriginalRecord): OriginalRecord {
  return forgotten(record, record.epoch + 1);
}

/** After an edit: the bytes are the same, and so are their faces. */
export function edited(record: OriginalRecord, says: ShopSays): OriginalRecord {
  return { ...record, epoch: record.epoch + 1, picture: undefined, edit: undefined, alt: undefined, ...says };
}

function forgotten({ id, folder, others }: OriginalRecord, epoch: number): OriginalRecord {
  return { ...emptyRecord(id, epoch, folder), others };
}

/** Absent, not undefined, where there is none. */
export function shopSays({ edit, alt }: ShopSays): ShopSays {
  return { ...(edit === undefined ? {} : { edit }), ...(alt === undefined ? {} : { alt }) };
}

/** The record after its folder was purged for this time: nothing that was learned before. */
export function afterFolderPurge(record: OriginalRecord, folder: number): OriginalRecord {
  if (record.folder >= folder) return record;
  return { ...forgotten({ ...record, folder }, record.epoch), ...saidOfBytes(record) };
}

/** With what was learned; a source of the same bytes adds its tag, and faces of one depth stay as they were first found. */
export function patched(record: OriginalRecord, patch: RecordPatch): OriginalRecord {
  const { source } = patch;
  const learned = { ...record, ...patch, faces: joinFaces(record.faces, patch.faces) };
  if (!source || source.sha256 !== record.source?.sha256) return learned;
  const etags = [...new Set([...record.source.etags, ...source.etags])].slice(-MAX_ETAGS);
  return { ...learned, source: { ...source, etags } };
}

/** An entity tag for comparison: weak and strong ones of one store name the same bytes here, and are hints only. */
export function comparableTag({ etag }: Pick<ObjectVersion, 'etag'>): string | undefined {
  return etag?.replace(/^W\//, '');
}

/** Whether a store still says of an original what it said when these bytes were read. */
export function sameVersion(source: SourceVersion, version: ObjectVersion): boolean {
  const tag = comparableTag(version);
  return tag !== undefined && source.etags.includes(tag) && source.bytes === version.bytes;
}

export function writeRecord({ others, folder, faces, uploaded, ...known }: OriginalRecord): StoredObject {
  const found = faces ? { detector: DETECTOR_VERSION, ...writeFaces(faces) } : {};
  const record = { ...others, version: VERSION, ...known, folder: folder || undefined, ...found, sha256: uploaded };
  const body = Buffer.from(JSON.stringify(record));
  return { body, contentType: 'application/json', cacheControl: 'no-cache', metadata: {} };
}

/** Undefined for a record that cannot be parsed: the original then counts as purged. */
export function readRecord(body: Buffer, expectedId: string): OriginalRecord | undefined {
  const parsed = parseObject(body);
  if (!parsed) return undefined;
  // Records of before there were epochs have none, and no id.
  const { version, id = expectedId, epoch = 0, folder = 0, ...learned } = parsed;
  const { source, picture, detector, depth, faces, wholeFaces, sha256, replacedAt, edit, alt, ...others } = learned;
  if (version !== VERSION || id !== expectedId || !isCount(epoch) || !isCount(folder)) return undefined;
  if (!(source === undefined || isSource(source)) || !(picture === undefined || isPicture(picture))) return undefined;
  if (!(sha256 === undefined || isDigest(sha256))) return undefined;
  if (!(replacedAt === undefined || isCount(replacedAt))) return undefined;
  const found = readFaces({ depth, faces, wholeFaces });
  const says = readShopSays({ edit, alt });
  if (found === 'damaged' || !says) return undefined;
  const current = detector === DETECTOR_VERSION ? found : undefined;
  const known = { epoch, folder, source, picture, faces: current, uploaded: sha256, replacedAt };
  return { id: expectedId, ...known, ...says, others };
}

/** What a record that cannot be read still tells of its edit: what was covered is not to show because of a fault beside it. */
export function salvaged(body: Buffer): ShopSays {
  const { edit, alt } = parseObject(body) ?? {};
  return readShopSays({ edit, alt }) ?? readShopSays({ edit, alt: undefined }) ?? {};
}

function readShopSays({ edit, alt }: Readonly<Record<keyof ShopSays, unknown>>): ShopSays | undefined {
  if (!(edit === undefined || isEdit(edit)) || !(alt === undefined || isAlt(alt))) return undefined;
  return shopSays({ edit, alt });
}

function parseObject(body: Buffer): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : undefined;
  } catch {
    return undefined;
  }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isDigest = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);

function isSource(value: unknown): value is SourceVersion {
  const { sha256, etags, bytes, lastModified } = { ...(value as object) } as Record<string, unknown>;
  const tagged = Array.isArray(etags) && etags.length <= MAX_ETAGS && etags.every((tag) => typeof tag === 'string');
  return isDigest(sha256) && tagged && isCount(bytes) && (lastModified === undefined || isCount(lastModified));
}

/** Of this version; another one's is made anew, whatever it holds. */
function isReport(value: unknown): boolean {
  const { version, ...report } = { ...(value as object) } as Record<string, unknown>;
  if (version !== REPORT_VERSION) return true;
  const shares = [report.sharpness, report.exposure, report.contrast, report.border];
  return (
    shares.every((share) => typeof share === 'number' && share >= 0 && share <= 1) &&
    [report.drawn, report.transparent].every((flag) => typeof flag === 'boolean') &&
    /^[0-9a-f]{16}$/.test(String(report.hash)) &&
    isCount(report.bytes)
  );
}

function isPicture(value: unknown): value is PictureDescription {
  const picture = { ...(value as object) } as Record<string, unknown>;
  const counts = [picture.width, picture.height, picture.frames];
  const texts = [picture.format, picture.thumbhash];
  return (
    (picture.report === undefined || isReport(picture.report)) &&
    counts.every((count) => isCount(count) && count > 0) &&
    texts.every((text) => typeof text === 'string') &&
    /^#[0-9a-f]{6}$/.test(String(picture.dominantColor))
  );
}
