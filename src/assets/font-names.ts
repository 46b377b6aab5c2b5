/** Family and style of a font file, by which Pango finds it. */
export interface FontNames {
  readonly family: string;
  /** Regular, Bold, Italic or Bold Italic. */
  readonly style: string;
}

/** Name ids: https://learn.microsoft.com/en-us/typography/opentype/spec/name#name-ids. */
const [FAMILY, STYLE] = [1, 2];
const SIGNATURES = new Set([0x00010000, 0x4f54544f, 0x74727565]);
const WINDOWS = 3;

/** Of a TrueType or OpenType file. Throws an Error that says what is wrong. */
export function fontNames(file: Buffer): FontNames {
  try {
    return readNames(file);
  } catch (cause) {
    throw new Error('is no font that can be read: one TrueType or OpenType font', { cause });
  }
}

function readNames(file: Buffer): FontNames {
  if (!SIGNATURES.has(file.readUInt32BE(0))) throw new Error('another signature');
  const table = tableOf(file, 'name');
  const count = table.readUInt16BE(2);
  const texts = table.subarray(table.readUInt16BE(4));
  const found = new Map<number, string>();
  for (let at = 6; at < 6 + 12 * count; at += 12) {
    const [platform, , language, id] = [0, 2, 4, 6].map((offset) => table.readUInt16BE(at + offset));
    if (platform !== WINDOWS || id === undefined || (found.has(id) && language !== 0x409)) continue;
    const [length, offset] = [table.readUInt16BE(at + 8), table.readUInt16BE(at + 10)];
    const text = Buffer.from(texts.subarray(offset, offset + length));
    if (text.length === length && length % 2 === 0) found.set(id, text.swap16().toString('utf16le'));
  }
  const [family = '', style = 'Regular'] = [found.get(FAMILY), found.get(STYLE)];
  // A comma would end the family in a description for Pango.
  if (!/^[^,\p{C}]{1,100}$/u.test(family)) throw new Error('no family');
  return { family, style: /^(?:Bold Italic|Bold|Italic)$/.test(style) ? style : 'Regular' };
}

/** https://learn.microsoft.com/en-us/typography/opentype/spec/otff#table-directory */
function tableOf(file: Buffer, name: string): Buffer {
  const tables = file.readUInt16BE(4);
  for (let at = 12; at < 12 + 16 * tables; at += 16) {
    if (file.toString('latin1', at, at + 4) !== name) continue;
    const offset = file.readUInt32BE(at + 8);
    return file.subarray(offset, offset + file.readUInt32BE(at + 12));
  }
  throw new Error(`no table ${name}`);
}
