import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileTypeOf } from '../../src/api/uploads/file-type.ts';

/** A picture of the corpus: bytes, and path below its folder. */
export interface CorpusFile {
  readonly path: string;
  readonly format: string;
  readonly body: Buffer;
}

const NAMED_PICTURES =
  /\.(a?png|jpe?g|jfif|gif|webp|avifs?|hei[cf]s?|hif|jxl|tiff?|bmp|dib|ico|cur|psd|psb|jp2|j2[ck]|jp[xf]|svgz?)$/i;

/**
 * Pictures in a folder and the folders below it, by content or by name, one at a time, in the same order everywhere; the same bytes
 * once, because corpora repeat each other.
 */
export function* picturesIn(folder: string, withSvg: boolean): Generator<CorpusFile> {
  if (!existsSync(folder)) throw new Error(`no folder ${folder}`);
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name)).sort();
  const seen = new Set<string>();
  for (const path of paths) {
    const body = readFileSync(path);
    const format = formatOf(body, path);
    const digest = createHash('sha256').update(body).digest('base64');
    if (seen.has(digest)) continue;
    seen.add(digest);
    if (format && (withSvg || format !== 'svg')) yield { path: path.slice(join(folder, '/').length), format, body };
  }
}

/** By content; a picture by its name alone is listed by its ending. */
function formatOf(body: Buffer, path: string): string | undefined {
  const type = fileTypeOf(body);
  if (type?.startsWith('image/'))
    return type.replace(/^image\/(?:x-|vnd\.adobe\.)?|\+xml$/g, '').replace('photoshop', 'psd');
  return NAMED_PICTURES.test(path) ? `named ${extname(path).toLowerCase()}` : undefined;
}
