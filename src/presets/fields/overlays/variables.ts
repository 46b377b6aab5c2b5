/** Variables in the texts of overlays: `Photo: {seller}` takes `?t.seller=…` of the URL. */

const VARIABLE = /\{([a-z0-9_.]{1,30})\}/g;
/** Marks on one letter: Vietnamese needs two, Hebrew and Arabic three. */
const MAX_MARKS = 3;

/** Names in the order of the text, each once. */
export function variablesOf(template: string): string[] {
  return [...new Set(Array.from(template.matchAll(VARIABLE), ([, name = '']) => name))];
}

/** Whether a brace stands for nothing: a mistyped variable would be printed on every picture. */
export function hasStrayBraces(template: string): boolean {
  return /[{}]/.test(template.replace(VARIABLE, ''));
}

/** Around a value, so that letters of another direction move nothing but themselves (UAX #9, 2.4). */
const [ISOLATE, END_ISOLATE] = ['\u2068', '\u2069'];

/** Marks without ink that say where a line begins: Pango looks for its first letter inside of isolates too. */
const [FROM_LEFT, FROM_RIGHT] = ['\u200e', '\u200f'];
const FROM_RIGHT_LETTER = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

/** `values`: for every variable of the text. A line runs as its own letters do, and that of a variable alone as the value's. */
export function filledIn(template: string, values: Readonly<Record<string, string>>): string {
  const lines = template.split('\n').map((line) => {
    const own = line.replace(VARIABLE, '').trim();
    const filled = line.replace(VARIABLE, (_, name: string) => {
      const value = cleanValue(values[name] ?? '');
      return value === '' ? '' : `${ISOLATE}${value}${END_ISOLATE}`;
    });
    return own === '' || filled === line ? filled : directionOf(own) + filled;
  });
  return lines.join('\n');
}

function directionOf(text: string): string {
  const [first = ''] = /\p{L}/u.exec(text) ?? [];
  return FROM_RIGHT_LETTER.test(first) ? FROM_RIGHT : FROM_LEFT;
}

const STRAY_JOINERS = /(?<![\p{L}\p{M}])[\u200c\u200d]+|[\u200c\u200d]+(?!\p{L})/gu;
const REPEATED_JOINERS = /([\u200c\u200d])[\u200c\u200d]+/g;
const NOT_PRINTED = /[\p{Cc}\p{Cs}\p{Co}\p{Cn}]|(?![\u200c\u200d])\p{Cf}/gu;
const LEADING_MARKS = /(?<=^|\s)\p{M}+/gu;
const FURTHER_MARKS = new RegExp(`(\\p{M}{${MAX_MARKS}})\\p{M}+`, 'gu');

/** Letters, digits and signs of Latin-1 and Latin Extended-A with single spaces between them, of which none would change below. */
const PLAIN = /^[!-~\u00a1-\u00ac\u00ae-\u017f]+( [!-~\u00a1-\u00ac\u00ae-\u017f]+)*$/;

/**
 * A value as it is printed: without bidi overrides and isolates, zero-width and unassigned characters, line breaks, and marks that
 * would pile up beyond their line. A joiner between two letters stays, because Persian and Hindi are spelled with it.
 */
export function cleanValue(value: string): string {
  if (PLAIN.test(value)) return value;
  return value
    .replace(/\s+/gu, ' ')
    .replace(NOT_PRINTED, '')
    .replace(REPEATED_JOINERS, '$1')
    .replace(STRAY_JOINERS, '')
    .normalize('NFC')
    .replace(LEADING_MARKS, '')
    .replace(FURTHER_MARKS, '$1')
    .trim();
}
