import { z } from 'zod';
import type { Effects } from '../../render/effects/effects.ts';
import { decimal, type InlineField } from './inline-values.ts';

/** Preset fields that change how sharp a rendition is. */
export const DETAIL_FIELDS = {
  /** Standard deviation of a Gaussian blur, in pixels of the preset. */
  blur: z.number().min(0.3).max(250).optional(),
};

/** The same in inline recipes. */
export const INLINE_DETAIL = { blur: ['blur', decimal] } as const satisfies Record<string, InlineField>;

export function detailOf({ blur }: { readonly blur?: number | undefined }): Pick<Effects, 'detail'> {
  return blur === undefined ? {} : { detail: { blur } };
}
