import { createHash, randomBytes } from 'node:crypto';
import { DarkroomError, errors } from '../../errors.ts';
import type { WorkQueue } from '../../flow/work-queue.ts';
import type { DearProxies } from '../../originals/dear-proxies.ts';
import type { OriginalMetadata } from '../../originals/metadata.ts';
import { QUARANTINE } from '../../originals/quarantine.ts';
import type { OriginalReader } from '../../originals/reader.ts';
import type { OriginalRecords } from '../../originals/records/records.ts';
import { DESCRIBE_MS, estimateDescription } from '../../render/cost-estimate.ts';
import type { PictureDescription } from '../../render/describe.ts';
import { type ExifFacts, exifFacts } from '../../render/formats/exif-facts.ts';
import type { Renderer } from '../../render/render.ts';
import type { Epoch } from '../../renditions/epochs.ts';
import type { ObjectStore } from '../../stores/store.ts';
import { formatImagePath } from '../../url/image-path.ts';
import type { Signatures } from '../../url/signature.ts';
import { type LargestPreset, withHints } from '../meta/photo-hints.ts';
import type { Purge } from '../purge.ts';
import { isFaultOfFile, isOutOfMemory } from './faults-of-files.ts';
import { explainRefusal, type ReadStage } from './refusals.ts';
import type { UploadTarget } from './upload-target.ts';
import { uploadTypeOf } from './upload-type.ts';

export interface UploadRequest {
  readonly filename: string;
  /** As the browser says it: any case, empty where it knows none. */
  readonly contentType: string;
  /** Bytes. */
  readonly size: number;
  readonly category: keyof typeof CATEGORIES;
}

export interface UploadOffer {
  readonly imageId: string;
  readonly key: string;
  readonly uploadUrl: string;
  readonly method: 'PUT';
  readonly headers: Readonly<Record<string, string>>;
  /** Unix seconds. */
  readonly expiresAt: number;
  readonly urls: Readonly<Record<string, string>>;
}

export type UploadReport = {
  readonly imageId: string;
  readonly bytes: number;
  readonly exif?: ExifFacts;
} & ReturnType<typeof withHints<PictureDescription>>;

export interface CompleteOptions {
  /** When and with what the photo was taken is told too: personal data. */
  readonly exif: boolean;
}

export interface Uploads {
  /**
   * Signs the upload of a new original; nothing is stored before the PUT. `serverUrl`: the address at which the client reached
   * this server. Throws `bad_request` with its reason: `unsupported_type`, `empty`, `too_large`.
   */
  begin(request: UploadRequest, serverUrl: string): Promise<UploadOffer>;
  /**
   * Examines the uploaded file, of which only the content counts, and records its metadata. Throws `original_not_found`, and
   * `original_unreadable` with its reason: a file that is wrong in itself is quarantined then, and a picture of a type that is not
   * read (yet) stays where it is. All other errors leave the upload where it is, and the call can be repeated: `busy`,
   * `original_too_large` where the file exceeds what this server can hold, `render_timeout`, and the errors of stores.
   */
  complete(imageId: string, signal: AbortSignal, options?: CompleteOptions): Promise<UploadReport>;
}

export interface UploadsDeps {
  readonly target: UploadTarget;
  readonly originals: ObjectStore;
  readonly reader: OriginalReader;
  readonly metadata: OriginalMetadata;
  readonly records: OriginalRecords;
  readonly purge: Purge;
  readonly queue: WorkQueue;
  readonly renderer: Renderer;
  readonly dearProxies: DearProxies;
  readonly signatures: Signatures;
  readonly presets: readonly string[];
  /** For the photo report; undefined where it is not to say how well an original fills it. */
  readonly largestPreset?: LargestPreset | undefined;
  readonly maxOriginalBytes: number;
  /** Base of the signed URLs, a CDN's as a rule; this server's own address when undefined. */
  readonly publicUrl: string | undefined;
  /** What the paths of pictures begin with at that address; empty where left out. */
  readonly pathPrefix?: string | undefined;
}

const CATEGORIES = { product: /^(?!avatar)/, avatar: /^avatar/ } as const;
const TICKET_S = 300;
/** After a decoder ran out of memory. */
const RETRY_AFTER_S = 5;
/** 128 bits, as hard to guess as a signature. */
const ID_BYTES = 16;

export function createUploads(deps: UploadsDeps): Uploads {
  const { target, originals, reader, metadata, records, purge, queue, renderer, maxOriginalBytes } = deps;
  const { signatures, presets, dearProxies } = deps;

  function signedUrls(id: string, category: UploadRequest['category'], base: string): Record<string, string> {
    const named = presets.filter((preset) => CATEGORIES[category].test(preset));
    return Object.fromEntries(
      (named.length > 0 ? named : presets).map((preset) => {
        const signature = signatures.sign({ preset, id, expiresAt: undefined });
        return [preset, base + formatImagePath({ signature, preset, suffix: '', id, expiresAt: undefined })];
      }),
    );
  }

  /** Moves a file to where nothing is served from, and keeps it there for inspection. */
  async function quarantine(
    { id, epoch, body }: { id: string; epoch: Epoch; body: Buffer },
    refused: DarkroomError,
    signal: AbortSignal,
  ): Promise<never> {
    // A file that was uploaded after a purge has not been examined and must not be removed with the earlier one.
    const unlessPurged = () => {
      if (records.of(id) !== epoch) throw errors.busy(1);
    };
    unlessPurged();
    const object = { body, contentType: 'application/octet-stream', cacheControl: 'no-store', metadata: {} };
    await originals.put(QUARANTINE + id, object, { signal });
    unlessPurged();
    const { failed } = await purge(id, { original: true, again: false }, signal);
    if (failed.includes('original')) throw errors.storeFailed(new Error('a bad upload could not be removed'));
    throw refused;
  }

  async function examine(id: string, { exif }: CompleteOptions, signal: AbortSignal): Promise<UploadReport> {
    using permit = await queue.enter(DESCRIBE_MS, signal);
    const onLength = (bytes: number) => permit.hold(bytes);
    await metadata.load(id);
    const held = await reader.read(id, records.of(id), { signal, maxBytes: maxOriginalBytes, onLength });
    const { body } = held;
    // Undefined while the record cannot be asked: then it is as far as this process knows.
    const epoch = (await held.epoch) ?? records.of(id);
    let stage: ReadStage = 'header';
    try {
      const original = await renderer.examine(body);
      await permit.slot(estimateDescription(original));
      stage = 'pixels';
      const { edit } = metadata.known(id);
      const covered = edit?.redact !== undefined;
      const source = await dearProxies.describable({ id, original, epoch, signal, covered });
      const found = await renderer.describe(source, body.length, signal, edit);
      const sha256 = createHash('sha256').update(body).digest('hex');
      const before = metadata.known(id).uploaded;
      // An id's bytes never change: CDNs may hold renditions of the first file for a year.
      if (before !== undefined && before !== sha256)
        throw errors.refusedUpload('The original was changed.', { reason: 'changed' });
      metadata.recordUpload(id, epoch, found, sha256);
      // Not disposed of when quarantined: a save that timed out may still read the buffer.
      held[Symbol.dispose]();
      const asked = exif ? { exif: exifFacts(original.header.exif) } : {};
      return { imageId: id, bytes: body.length, ...withHints(found, deps.largestPreset), ...asked };
    } catch (error) {
      if (!isFaultOfFile(error)) throw error;
      const refused = explainRefusal(error, body, stage, renderer.mediaTypes);
      if (refused.refusal?.quarantined) return quarantine({ id, epoch, body }, refused, signal);
      held[Symbol.dispose]();
      throw refused;
    }
  }

  return {
    async begin({ filename, contentType: said, size, category }, serverUrl) {
      const { contentType, ending } = uploadTypeOf(said, filename, renderer.mediaTypes);
      if (size === 0) throw errors.refusedTicket('size: the file is empty', { reason: 'empty' });
      if (size > maxOriginalBytes)
        throw errors.refusedTicket(`size: expected at most ${maxOriginalBytes} bytes`, {
          ...{ reason: 'too_large', limit: maxOriginalBytes },
        });
      const id = `${category}/${randomBytes(ID_BYTES).toString('base64url')}${ending}`;
      const expiresAt = Math.floor(Date.now() / 1000) + TICKET_S;
      const { url, headers } = await target.ticket({ key: id, contentType, size, expiresAt }, serverUrl);
      const urls = signedUrls(id, category, deps.publicUrl ?? serverUrl + (deps.pathPrefix ?? ''));
      return { imageId: id, key: id, uploadUrl: url, method: 'PUT', headers, expiresAt, urls };
    },

    async complete(id, signal, options = { exif: false }) {
      try {
        return await examine(id, options, signal);
      } catch (error) {
        if (isOutOfMemory(error)) throw errors.busy(RETRY_AFTER_S);
        // The call's own time limit ends it with the signal's reason.
        throw signal.aborted && !(error instanceof DarkroomError) ? errors.storeTimeout(error) : error;
      }
    },
  };
}
