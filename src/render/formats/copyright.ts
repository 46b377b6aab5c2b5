import readExif from 'exif-reader';
import type { Sharp } from 'sharp';

/** In UTF-16 units: EXIF sets no limit, and no name is longer. */
const MAX_LENGTH = 256;

/** Copies the original's Copyright and Artist (EXIF 2.32, 4.6.4) into the rendition, and nothing else. */
export function keepCopyright(image: Sharp, exif: Buffer | undefined): Sharp {
  const found = exif && parsed(exif);
  const fields = Object.entries({ Copyright: found?.Copyright, Artist: found?.Artist })
    .filter((field): field is [string, string] => typeof field[1] === 'string' && field[1].trim() !== '')
    .map(([name, text]) => [
      name,
      text
        .replaceAll(/\p{Cc}/gu, ' ')
        .trim()
        .slice(0, MAX_LENGTH),
    ]);
  return fields.length === 0 ? image : image.withExif({ IFD0: Object.fromEntries(fields) });
}

function parsed(exif: Buffer) {
  try {
    return readExif(exif).Image;
  } catch {
    // Broken metadata does not make an original unreadable.
    return undefined;
  }
}
