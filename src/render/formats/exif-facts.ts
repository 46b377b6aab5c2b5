import readExif from 'exif-reader';

/** What a camera wrote about a photo. Personal: told only where a caller asks for it, and kept nowhere. */
export interface ExifFacts {
  /** `2026-05-01T12:30:00`, in the camera's own time; with its offset (`+02:00`) where it wrote one. */
  readonly capturedAt?: string;
  /** Make and model. */
  readonly camera?: string;
}

/** In UTF-16 units: no camera's name is longer. */
const MAX_LENGTH = 128;

/** EXIF 2.32, 4.6.4 and 4.6.5. `exif`: the raw block. Empty where there is none, or nothing of it can be read. */
export function exifFacts(exif: Buffer | undefined): ExifFacts {
  const { Image, Photo } = (exif && parsed(exif)) ?? {};
  const capturedAt = timeOf(Photo?.DateTimeOriginal, Photo?.OffsetTimeOriginal);
  const camera = nameOf(Image?.Make, Image?.Model);
  return { ...(capturedAt ? { capturedAt } : {}), ...(camera ? { camera } : {}) };
}

function timeOf(taken: unknown, offset: unknown): string | undefined {
  // The reader takes the camera's time for UTC.
  if (!(taken instanceof Date) || Number.isNaN(taken.getTime())) return undefined;
  const zone = typeof offset === 'string' && /^[+-]\d\d:\d\d$/.test(offset) ? offset : '';
  return taken.toISOString().slice(0, 19) + zone;
}

/** Most models begin with their maker's name. */
function nameOf(make: unknown, model: unknown): string | undefined {
  const [maker, name] = [clean(make), clean(model)];
  const both = name.toLowerCase().startsWith(maker.toLowerCase()) ? name : `${maker} ${name}`;
  return both.trim().slice(0, MAX_LENGTH) || undefined;
}

const clean = (text: unknown) => (typeof text === 'string' ? text.replaceAll(/[\p{Cc}\p{Cf}]/gu, ' ').trim() : '');

function parsed(exif: Buffer) {
  try {
    return readExif(exif);
  } catch {
    // Broken metadata does not make an original unreadable.
    return undefined;
  }
}
