import { isDeepStrictEqual } from 'node:util';
import { checkPresets, type Preset } from './schema.ts';

export interface PresetChange {
  readonly preset: string;
  readonly change: 'added' | 'removed' | 'changed' | 'same';
  /** Of changed ones: each field as it is and as it would be. */
  readonly fields: Readonly<Record<string, { readonly from: unknown; readonly to: unknown }>>;
  /** Whether its renditions get other keys, so that all are made again when somebody looks. */
  readonly remade: boolean;
}

/** What the suffix may choose from decides no pixels of what was there before. */
const OFFERS = new Set(['widths', 'pixelRatios', 'formats']);

/** What putting `next` in the place of `running` would do. Throws for definitions that are not valid, naming all faults. */
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
      remade: changed.some((field) => !OFFERS.has(field)),
    };
  });
}
