import readExif from 'exif-reader';
import type { Sharp } from 'sharp';

/** In UTF-16 units: EXIF sets no limit, and no name is longer. */
const MAX_LENGTH = 256;

/** Copies the original's Copyright and Artist into the rendition, and nothing else. */
export function keepCopyright(image: Sharp, exif: Buffer | undefined): Sharp {
  const fields = copyrightOf(exif);
  return Object.keys(fields).length === 0 ? image : image.withExif({ IFD0: fields });
}

/** EXIF 2.32, 4.6.4. Fields that are empty are left out. */
export function copyrightOf(exif: Buffer | undefined): { readonly Copyright?: string; readonly Artist?: string } {
  const found = exif && parsedExif(exif);
  const fields = Object.entries({ Copyright: found?.Copyright, Artist: found?.Artist })
    .filter((field): field is [string, string] => typeof field[1] === 'string' && field[1].trim() !== '')
    .map(([name, text]) => [
      name,
      text
        .replaceAll(/\p{Cc}/gu, ' ')
        .trim()
        .slice(0, MAX_LENGTH),
    ]);
  return Object.fromEntries(fields);
}

/** The first directory of a raw block. */
export function parsedExif(exif: Buffer) {
  try {
    return readExif(exif).Image;
  } catch {
    // Broken metadata does not make an original unreadable.
    return undefined;
  }
}
