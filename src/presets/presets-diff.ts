import { isDeepStrictEqual } from 'node:util';
import { checkPresets, type Preset } from './schema.ts';

export interface PresetChange {
  readonly preset: string;
  readonly change: 'added' | 'removed' | 'changed' | 'same';
  /** Of a changed preset: each field that differs, before and after. */
  readonly fields: Readonly<Record<string, { readonly from: unknown; readonly to: unknown }>>;
  /** Whether its renditions get other keys: each is then made again with its next request. */
  readonly remade: boolean;
}

/** Fields that stand in no key: the declared suffixes, and how long which caches keep an answer. */
const NOT_IN_KEYS = new Set([
  ...['widths', 'pixelRatios', 'formats', 'maxAge', 'staleWhileRevalidate', 'private', 'fallback', 'fallbackStatus'],
]);

/** The changes from `running` to `next`, by preset. Throws an Error that names every fault of the definitions. */
export function diffPresets(running: unknown, next: unknown): PresetChange[] {
  const [before, after] = [checkPresets(running), checkPresets(next)];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].sort().map((preset) => {
    const [from, to] = [before[preset], after[preset]];
    if (!from || !to) return { preset, change: to ? 'added' : 'removed', fields: {}, remade: false };
    const changed = (Object.keys({ ...from, ...to }) as (keyof Preset)[]).filter(
      (field) => !isDeepStrictEqual(from[field], to[field]),
    );
    return {
      preset,
      change: changed.length > 0 ? 'changed' : 'same',
      fields: Object.fromEntries(changed.map((field) => [field, { from: from[field], to: to[field] }])),
      remade: changed.some((field) => !NOT_IN_KEYS.has(field)),
    };
  });
}

/** In one line, for people. */
export function describeChange({ preset, change, fields, remade }: PresetChange): string {
  const details = Object.entries(fields).map(
    ([field, { from, to }]) => `${field} ${JSON.stringify(from) ?? 'unset'} → ${JSON.stringify(to) ?? 'unset'}`,
  );
  return [`${preset}: ${change}`, ...details, ...(remade ? ['renditions are made again'] : [])].join('; ');
}
