import { decimal, type InlineField } from '../inline-values.ts';
import { cleanValue } from './variables.ts';

/**
 * Overlays in an inline recipe: `o_image:bG9nby5wbmc:at:southeast:w:20::text:wqkge3NlbGxlcn0:size:18`. Names and values take turns,
 * `::` begins the next overlay. Texts and names of assets are base64url without padding, because a suffix begins at the first dot.
 */
export const INLINE_OVERLAYS = { o: ['overlays', overlays] } as const satisfies Record<string, InlineField>;

const colour = (hex: string) => `#${hex}`;
const OPTIONS: Readonly<Record<string, readonly [path: string, read: (text: string) => unknown]>> = {
  image: ['image', encoded],
  text: ['text', (text) => ofLines(encoded(text))],
  at: ['position', String],
  tile: ['tile', (text) => (text === '1' ? true : text)],
  x: ['offset.x', decimal],
  y: ['offset.y', decimal],
  w: ['width', decimal],
  opacity: ['opacity', decimal],
  rotate: ['rotate', decimal],
  blend: ['blend', String],
  min: ['minWidth', Number],
  font: ['font', encoded],
  size: ['size', decimal],
  color: ['color', colour],
  outline: ['outline.color', colour],
  ow: ['outline.width', decimal],
  bg: ['background', colour],
};

/** The text itself, which the schema takes for no list, where it is spelled otherwise. */
function overlays(text: string): unknown {
  const all = text.split('::').map(overlay);
  return all.includes(undefined) ? text : all;
}

function overlay(text: string): Record<string, unknown> | undefined {
  const parts = text.split(':');
  const fields: Record<string, unknown> = {};
  const given = new Set<string>();
  for (let at = 0; at < parts.length; at += 2) {
    const [name = '', value = ''] = parts.slice(at, at + 2);
    const [path, read] = Object.hasOwn(OPTIONS, name) ? (OPTIONS[name] ?? []) : [];
    const is = read?.(value);
    if (!path || value === '' || is === undefined || given.has(name)) return undefined;
    given.add(name);
    const [field = '', inner] = path.split('.');
    if (inner) fields[field] = { ...DEFAULTS[field], ...(fields[field] as object | undefined), [inner]: is };
    else fields[field] = is;
  }
  return fields;
}

const DEFAULTS: Readonly<Record<string, object>> = { offset: { x: 0, y: 0 }, outline: { width: 2 } };

/** Undefined where it is not the one spelling of a UTF-8 text in base64url. */
export function encoded(text: string): string | undefined {
  const bytes = Buffer.from(text, 'base64url');
  const decoded = bytes.toString('utf8');
  return bytes.toString('base64url') === text && Buffer.from(decoded).equals(bytes) ? decoded : undefined;
}

/** Cleaned as values of variables are: a shop may write a seller's name into a recipe. */
function ofLines(text: string | undefined): string | undefined {
  return text?.split('\n').map(cleanValue).join('\n');
}
