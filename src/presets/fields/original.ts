import { z } from 'zod';
import type { InlineField } from './inline-values.ts';

/** Preset fields of `format: "original"`, which sends an original as it was uploaded. */
export const ORIGINAL_FIELDS = {
  /** Sends the file to the byte, with place and camera. Off, its metadata is taken out, and what cannot be taken out is not sent. */
  keepMetadata: z.boolean().default(false),
};

/** The same in inline recipes. */
export const INLINE_ORIGINAL = {
  meta: ['keepMetadata', (text) => (text === '1' ? true : text)],
} as const satisfies Record<string, InlineField>;

/** Fields that say nothing of pixels; all others contradict the format original. */
const BESIDE_ORIGINAL = new Set([
  ...['format', 'keepCopyright', 'keepMetadata'],
  ...['maxAge', 'staleWhileRevalidate', 'private', 'fallback', 'fallbackStatus'],
]);

type Fields = Readonly<Record<string, unknown>>;

/** A sentence for each field of a preset of the format original that is not left at its default. */
export function besideOriginal(preset: Fields, defaults: Fields): string[] {
  return Object.keys(preset)
    .filter((field) => !BESIDE_ORIGINAL.has(field) && JSON.stringify(preset[field]) !== JSON.stringify(defaults[field]))
    .map((field) => `has the format original, which sends the file as it is, and beside it ${field}`);
}
