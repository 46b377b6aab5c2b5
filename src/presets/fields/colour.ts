import { z } from 'zod';

export const colour = z.string().regex(/^#[0-9a-f]{6}$/i, 'expected a colour such as #ffffff');

/** `ffffff` of an inline recipe: a `#` would begin the fragment of a URL. */
export const inlineColour = (hex: string) => `#${hex}`;
