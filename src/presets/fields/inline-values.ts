/** How one field of an inline recipe is written: the preset's field, and its value by the text behind the underscore. */
export type InlineField = readonly [field: string, read: (text: string) => unknown];

/** A number such as `3`, `-10` or `1p5`: a suffix begins at the first dot. Other text is left for the schema to refuse. */
export function decimal(text: string): unknown {
  return /^-?\d+(p\d+)?$/.test(text) ? Number(text.replace('p', '.')) : text;
}

/** `1` is true; other text is left for the schema to refuse. */
export const flag = (text: string): unknown => (text === '1' ? true : text);
