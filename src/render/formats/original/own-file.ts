import { type DarkroomError, errors } from '../../../errors.ts';
import type { OriginalSource, PictureSource } from '../../picture-source.ts';
import type { Recipe } from '../../recipe.ts';
import { mendJpeg } from '../jpeg/structure.ts';
import { stripMetadata } from '../strip-metadata.ts';
import { keptExif } from './kept-exif.ts';

/** An original's own file, as it is sent. */
export interface OwnFile {
  /** In memory of its own. */
  readonly body: Buffer;
  readonly contentType: string;
}

/** Of formats whose name is no media type. SVG is in none of both: it may hold programs. */
const MEDIA_TYPES: Readonly<Record<string, string>> = { psd: 'image/vnd.adobe.photoshop', ico: 'image/x-icon' };
const NEVER_SENT = new Set(['svg']);

/**
 * The file of an original for `format: "original"`: without metadata, or to the byte where the recipe says so. Throws
 * `unknown_preset` for an original that was edited, whose own bytes show what the edit hides, and `original_unreadable` for files from
 * which metadata cannot be taken: HEIC, AVIF, TIFF and others keep them in too many places for none to be missed.
 */
export function ownFile(source: PictureSource, recipe: Recipe): OwnFile {
  if (source.kind !== 'original') throw new Error('an original itself is made of nothing but its file');
  if (recipe.edit) throw errors.presetNotFound();
  const { format } = source.header;
  if (NEVER_SENT.has(format)) throw notSent(format, 'are never sent as they are');
  const contentType = MEDIA_TYPES[format] ?? `image/${format}`;
  const file = source.file ?? source.body;
  // The file's memory is used again behind this.
  if (recipe.keepMetadata) return { body: Buffer.from(file), contentType };
  const body = withoutMetadata(source, file, recipe);
  if (!body) throw notSent(format, 'are not sent as they are, because their metadata cannot be taken out');
  return { body, contentType };
}

function withoutMetadata({ header }: OriginalSource, file: Buffer, { copyright }: Recipe): Buffer | undefined {
  if (header.decoder !== undefined) return undefined;
  const exif = keptExif(header.exif, copyright);
  const whole = header.format === 'jpeg' ? mendJpeg(file) : file;
  return stripMetadata(whole, header.format, { frames: 'all', keepLook: true, exif });
}

function notSent(format: string, why: string): DarkroomError {
  return errors.originalUnreadable(`${format.toUpperCase()} originals ${why}.`);
}
