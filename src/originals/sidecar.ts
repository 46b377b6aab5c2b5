import { type Face, isFace } from '../faces/face.ts';
import type { PictureDescription } from '../render/describe.ts';
import type { StoredObject } from '../stores/store.ts';

/** What is known about an original; undefined is not known yet. */
export interface KnownMetadata {
  readonly faces: readonly Face[] | undefined;
  readonly picture: PictureDescription | undefined;
  /** Digest of the original, in hex, of those that were uploaded through this server. */
  readonly sha256: string | undefined;
}

const VERSION = 1;
/** Bumped when the detector finds other faces than before; older ones are then looked for again. */
const DETECTOR = 'blazeface-1';

/** The object `original.json`. */
export function writeSidecar({ faces, picture, sha256 }: KnownMetadata): StoredObject {
  const found = faces ? { detector: DETECTOR, faces } : {};
  const body = Buffer.from(JSON.stringify({ version: VERSION, ...found, picture, sha256 }));
  return { body, contentType: 'application/json', cacheControl: 'no-cache', metadata: {} };
}

/** Undefined for what is damaged, or was found by another detector. */
export function readSidecar(body: Buffer, maxFaces: number): KnownMetadata | undefined {
  try {
    const { version, detector, faces, picture, sha256 } = JSON.parse(body.toString('utf8'));
    if (version !== VERSION || (faces !== undefined && detector !== DETECTOR)) return undefined;
    const facesAreSound =
      faces === undefined || (Array.isArray(faces) && faces.length <= maxFaces && faces.every(isFace));
    if (!facesAreSound || !(picture === undefined || isPicture(picture))) return undefined;
    if (!(sha256 === undefined || /^[0-9a-f]{64}$/.test(String(sha256)))) return undefined;
    return { faces, picture, sha256 };
  } catch {
    return undefined;
  }
}

function isPicture(value: unknown): value is PictureDescription {
  const picture = value as PictureDescription | null;
  const counts = [picture?.width, picture?.height, picture?.frames];
  const texts = [picture?.format, picture?.thumbhash];
  return (
    counts.every((count) => Number.isInteger(count) && Number(count) > 0) &&
    texts.every((text) => typeof text === 'string') &&
    /^#[0-9a-f]{6}$/.test(String(picture?.dominantColor))
  );
}
