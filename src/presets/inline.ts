import { INLINE_ADJUST } from './fields/adjust.ts';
import { INLINE_DETAIL } from './fields/detail.ts';
import { INLINE_ENCODE } from './fields/encode.ts';
import { INLINE_FALLBACK } from './fields/fallback.ts';
import { INLINE_GEOMETRY, inlineBackground, inlineGravity } from './fields/geometry.ts';
import { decimal, flag, type InlineField } from './fields/inline-values.ts';
import { INLINE_ORIGINAL } from './fields/original.ts';
import { INLINE_OVERLAYS } from './fields/overlays/inline-overlays.ts';
import { INLINE_PAGES } from './fields/pages.ts';
import { INLINE_REDACT } from './fields/redact.ts';
import { INLINE_SHAPE } from './fields/shape.ts';
import { type Preset, presetSchema } from './schema.ts';

const INLINE_FIELDS: Readonly<Record<string, InlineField>> = {
  w: ['width', Number],
  h: ['height', Number],
  fit: ['fit', String],
  f: ['format', String],
  g: ['gravity', inlineGravity],
  z: ['faceZoom', decimal],
  bg: ['background', inlineBackground],
  e: ['effort', Number],
  a: ['animated', flag],
  gamut: ['gamut', String],
  t: ['trim', (text) => ({ tolerance: Number(text) })],
  m: ['margin', decimal],
  c: ['keepCopyright', flag],
  age: ['maxAge', Number],
  swr: ['staleWhileRevalidate', Number],
  private: ['private', flag],
  ...INLINE_ADJUST,
  ...INLINE_DETAIL,
  ...INLINE_REDACT,
  ...INLINE_GEOMETRY,
  ...INLINE_OVERLAYS,
  ...INLINE_FALLBACK,
  ...INLINE_ENCODE,
  ...INLINE_SHAPE,
  ...INLINE_ORIGINAL,
  ...INLINE_PAGES,
  l: ['lossless', (text) => (text === '0' ? false : flag(text))],
};
/** Four overlays of a usual length. */
const MAX_INLINE_LENGTH = 1024;

/** A shop asks for a few recipes of many originals. Up to so many are read once; a recipe says the same for ever. */
const MAX_REMEMBERED = 200;
const remembered = new Map<string, Preset>();

/** Reads a recipe such as `w_300,h_300,fit_inside,f_webp,q_80`. Undefined for any other text. */
export function parseInlinePreset(text: string): Preset | undefined {
  const known = remembered.get(text);
  const preset = known ?? parse(text);
  if (known || !preset) return preset;
  if (remembered.size >= MAX_REMEMBERED) remembered.clear();
  remembered.set(text, preset);
  return preset;
}

function parse(text: string): Preset | undefined {
  const fields = text.length > MAX_INLINE_LENGTH ? undefined : fieldsOf(text);
  return fields && presetSchema.safeParse(fields).data;
}

function fieldsOf(text: string): Record<string, unknown> | undefined {
  const fields: Record<string, unknown> = {};
  for (const part of text.split(',')) {
    const [, name = '', value = ''] = /^([a-z]+)_([A-Za-z0-9:_-]+)$/.exec(part) ?? [];
    const [field, read] = (Object.hasOwn(INLINE_FIELDS, name) && INLINE_FIELDS[name]) || [];
    if (!field || !read || field in fields) return undefined;
    fields[field] = read(value);
  }
  return fields;
}

/** Why a recipe is none: its first fault, and the preset's field that has it where it lies in one. Undefined for a valid one. */
export function faultOfInline(text: string): { readonly field?: string; readonly reason: string } | undefined {
  if (text.length > MAX_INLINE_LENGTH) return { reason: 'it has too many options' };
  const [issue] = presetSchema.safeParse(fieldsOf(text)).error?.issues ?? [];
  const [field] = issue?.path ?? [];
  return issue && { reason: issue.message, ...(field === undefined ? {} : { field: String(field) }) };
}
