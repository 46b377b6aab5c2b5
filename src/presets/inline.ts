import { INLINE_DETAIL } from './fields/detail.ts';
import { INLINE_ENCODE } from './fields/encode.ts';
import type { InlineField } from './fields/inline-values.ts';
import { INLINE_ORIGINAL } from './fields/original.ts';
import { INLINE_PAGES } from './fields/pages.ts';
import { type Preset, presetSchema } from './schema.ts';

const flag = (text: string) => (text === '1' ? true : text);
const INLINE_FIELDS: Readonly<Record<string, InlineField>> = {
  w: ['width', Number],
  h: ['height', Number],
  fit: ['fit', String],
  f: ['format', String],
  g: ['gravity', String],
  z: ['faceZoom', Number],
  bg: ['background', (hex) => `#${hex}`],
  e: ['effort', Number],
  a: ['animated', flag],
  gamut: ['gamut', String],
  t: ['trim', (text) => ({ tolerance: Number(text) })],
  m: ['margin', Number],
  c: ['keepCopyright', flag],
  age: ['maxAge', Number],
  swr: ['staleWhileRevalidate', Number],
  private: ['private', flag],
  ...INLINE_DETAIL,
  ...INLINE_ENCODE,
  ...INLINE_ORIGINAL,
  ...INLINE_PAGES,
  l: ['lossless', (text) => (text === '0' ? false : flag(text))],
};
const MAX_INLINE_LENGTH = 128;

/** Reads a recipe such as `w_300,h_300,fit_inside,f_webp,q_80`. Undefined for any other text. */
export function parseInlinePreset(text: string): Preset | undefined {
  if (text.length > MAX_INLINE_LENGTH) return undefined;
  const fields: Record<string, unknown> = {};
  for (const part of text.split(',')) {
    const [, name = '', value = ''] = /^([a-z]+)_([A-Za-z0-9:-]+)$/.exec(part) ?? [];
    const [field, read] = INLINE_FIELDS[name] ?? [];
    if (!field || !read || field in fields) return undefined;
    fields[field] = read(value);
  }
  return presetSchema.safeParse(fields).data;
}
