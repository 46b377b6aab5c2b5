import { copyrightOf, parsedExif } from '../copyright.ts';

/** TIFF 6.0, sections 2 and 8. */
const TAG = { orientation: 0x0112, artist: 0x013b, copyright: 0x8298 };
const TYPE = { text: 2, short: 3 };
const HEAD_BYTES = 8;
const ENTRY_BYTES = 12;
const INLINE_BYTES = 4;

/**
 * The EXIF block of an original of which nothing is left but how it is turned, without which it is shown on its side, and, where
 * wanted, whose it is. Undefined where that is nothing.
 */
export function keptExif(exif: Buffer | undefined, copyright: boolean): Buffer | undefined {
  const orientation = exif && Number(parsedExif(exif)?.Orientation ?? 1);
  const turned = orientation !== undefined && orientation > 1 && orientation <= 8 ? orientation : undefined;
  const { Artist, Copyright } = copyright ? copyrightOf(exif) : {};
  const entries = [
    ...(turned === undefined ? [] : [{ tag: TAG.orientation, type: TYPE.short, count: 1, value: short(turned) }]),
    ...(Artist === undefined ? [] : [text(TAG.artist, Artist)]),
    ...(Copyright === undefined ? [] : [text(TAG.copyright, Copyright)]),
  ];
  return entries.length === 0 ? undefined : block(entries);
}

interface Entry {
  readonly tag: number;
  readonly type: number;
  readonly count: number;
  readonly value: Buffer;
}

function short(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function text(tag: number, value: string): Entry {
  const bytes = Buffer.from(`${value}\0`);
  return { tag, type: TYPE.text, count: bytes.length, value: bytes };
}

/** One directory, and the longer values behind it. */
function block(entries: readonly Entry[]): Buffer {
  const head = Buffer.alloc(HEAD_BYTES + 2 + entries.length * ENTRY_BYTES + 4);
  head.write('MM\0*', 'latin1');
  head.writeUInt32BE(HEAD_BYTES, 4);
  head.writeUInt16BE(entries.length, HEAD_BYTES);
  const behind: Buffer[] = [];
  let end = head.length;
  for (const [n, { tag, type, count, value }] of entries.entries()) {
    const at = HEAD_BYTES + 2 + n * ENTRY_BYTES;
    head.writeUInt16BE(tag, at);
    head.writeUInt16BE(type, at + 2);
    head.writeUInt32BE(count, at + 4);
    if (value.length <= INLINE_BYTES) value.copy(head, at + 8);
    else {
      head.writeUInt32BE(end, at + 8);
      // Values begin at even places.
      behind.push(value, Buffer.alloc(value.length % 2));
      end += value.length + (value.length % 2);
    }
  }
  return Buffer.concat([head, ...behind]);
}
