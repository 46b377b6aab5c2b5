import { z } from 'zod';
import { fitsInside, MAX_ALT, MAX_REDACT_BOXES, MIN_CROP } from '../../originals/records/edit.ts';

/** What a PATCH says of an original, what is said of it in whole then, and what answers show. */

const fraction = z.number().min(0).max(1);
const length = fraction.min(MIN_CROP);
const rotate = z.literal([90, 180, 270], { error: 'expected 90, 180 or 270' }).describe('Degrees clockwise');
const flip = z.enum(['horizontal', 'vertical', 'both']).describe('After turning');
const crop = { x: fraction, y: fraction, width: length, height: length };
const focus = { x: fraction, y: fraction };
const beyond = { error: 'reaches beyond the picture' };
const redact = z
  .array(
    z
      .strictObject({ x: fraction, y: fraction, width: fraction.gt(0), height: fraction.gt(0) })
      .refine(fitsInside, beyond),
  )
  .max(MAX_REDACT_BOXES)
  .describe('Covered in every rendition; fractions of the upright original, as it was before rotate, flip and crop');
const alt = z
  .string()
  .max(MAX_ALT)
  .refine((text) => !/\p{Cc}/u.test(text) && text.isWellFormed(), 'expected a text without control characters')
  .describe('What the picture shows, for people who do not see it; changes no picture');

/** Each field may be left out, which changes nothing, or null, which takes it back. */
export const editPatch = z.strictObject({
  rotate: rotate.nullable().optional(),
  flip: flip.nullable().optional(),
  crop: z
    .strictObject({
      x: fraction.nullable(),
      y: fraction.nullable(),
      width: length.nullable(),
      height: length.nullable(),
    })
    .partial()
    .nullable()
    .optional()
    .describe('Fractions of the turned and flipped picture'),
  focus: z
    .strictObject({ x: fraction.nullable(), y: fraction.nullable() })
    .partial()
    .nullable()
    .optional()
    .describe('The point that crops keep; fractions of the turned and flipped picture'),
  redact: redact.nullable().optional(),
  alt: alt.nullable().optional(),
});
export type EditPatch = z.output<typeof editPatch>;

/** Fields of a later version of this program, which a record may hold, are let pass. */
export const wholeEdit = z.looseObject({
  rotate: rotate.optional(),
  flip: flip.optional(),
  crop: z.looseObject(crop).refine(fitsInside, beyond).optional(),
  focus: z.looseObject(focus).optional(),
  redact: redact.optional(),
});

/** As answers show it. */
export const shownEdit = z
  .object({
    rotate: rotate.optional(),
    flip: flip.optional(),
    crop: z.object(crop).optional().describe('Fractions of the turned and flipped picture'),
    focus: z.object(focus).optional().describe('Fractions of the turned and flipped picture'),
    redact: redact.optional(),
  })
  .describe('The edit that all renditions follow');
export const shownAlt = z.string().describe('What the picture shows, as PATCH was told');
export const shownVersion = z
  .string()
  .describe(
    'For `v` in signed URLs: another one after each edit, purge or replaced original, so that browsers ask anew',
  );
