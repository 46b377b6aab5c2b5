import { z } from 'zod';
import type { InlineField } from './inline-values.ts';
import { assetName } from './overlays/asset-name.ts';
import { encoded } from './overlays/inline-overlays.ts';
import type { Rules } from './rules.ts';

/** What is sent where an original cannot be shown: missing, taken down or broken. */
export const FALLBACK_FIELDS = {
  /** Name of an asset, which is rendered through the same preset. */
  fallback: assetName.optional(),
  /** 404 where left out: browsers show the picture of a 404 too. */
  fallbackStatus: z.union([z.literal(200), z.literal(404)], { error: 'expected 200 or 404' }).optional(),
};

/** The same in inline recipes; the name is base64url. */
export const INLINE_FALLBACK = {
  fallback: ['fallback', encoded],
  fs: ['fallbackStatus', Number],
} as const satisfies Record<string, InlineField>;

interface FallbackFields {
  readonly fallback?: string | undefined;
  readonly fallbackStatus?: 200 | 404 | undefined;
}

export const FALLBACK_RULES: Rules<FallbackFields> = [
  [
    ({ fallback, fallbackStatus }) => fallback !== undefined || fallbackStatus === undefined,
    'has a fallbackStatus, which needs a fallback',
  ],
];
