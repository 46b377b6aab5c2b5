/** Requests and answers of the API. zod checks the requests; openapi.ts publishes both as JSON Schema. */
import { z } from 'zod';
import { errors, REFUSAL_REASONS } from '../errors.ts';
import { shownAlt, shownEdit, shownVersion } from './edits/edit-fields.ts';
import { PHOTO_HINTS } from './meta/photo-hints.ts';

const id = z.string().min(1).max(512).describe('The key of an original, decoded');
const face = z.object({
  ...{ left: z.number(), top: z.number(), width: z.number(), height: z.number() },
  ...{ score: z.number(), eyesY: z.number() },
});
const exif = z
  .object({
    capturedAt: z
      .string()
      .optional()
      .describe("`2026-05-01T12:30:00`, the camera's own time; with an offset where it wrote one"),
    camera: z.string().optional().describe('Make and model'),
  })
  .optional()
  .describe('Only where the request asks for it: personal data');
const share = z.number().min(0).max(1);
/** Advice, for which nothing is refused; docs/photo-report.md says what each figure is worth. */
const report = z
  .object({
    version: z.int().describe('Raised when figures come to mean something else'),
    sharpness: share.describe('0 is blurred'),
    exposure: share.describe('Mean luma; 0 is black'),
    contrast: share.describe('Luma from the darkest twentieth of the pixels to the brightest'),
    border: share.describe('Share of the frame in even rows and columns along its sides'),
    drawn: z.boolean().describe('Looks like a screenshot, text, a chart or a logo'),
    transparent: z.boolean(),
    hash: z
      .string()
      .regex(/^[0-9a-f]{16}$/)
      .describe('64 bits; those of the same picture, encoded, scaled or cropped a little, differ in few'),
    bytes: z.int().describe("Of the original's file"),
    hints: z.array(z.enum(PHOTO_HINTS)).describe('More may come'),
    largestPreset: z
      .object({ preset: z.string(), filled: z.number() })
      .optional()
      .describe("How many times the picture's longer side holds that of the largest preset"),
  })
  .optional();
export const metaRequest = z.strictObject({
  ids: z.array(id).min(1).max(200),
  exif: z.boolean().default(false).describe('Tells capture time and camera too; each original is read for it'),
});
export const completeQuery = z.strictObject({
  exif: z.enum(['true', 'false'], { error: 'expected true or false' }).default('false'),
});
/** Why a file is refused. */
const refusal = {
  reason: z.enum(REFUSAL_REASONS).optional().describe('Why the file is refused; more may come. Absent where it is not'),
  limit: z
    .int()
    .optional()
    .describe('What was exceeded: bytes (`too_large`), pixels, pixels of a side, frames or scans of a JPEG'),
  accepted: z.array(z.string()).optional().describe('Media types that are read (`unsupported_type`)'),
  found: z.string().optional().describe('Media type of the content, where it is known (`unsupported_type`)'),
  part: z.enum(['header', 'pixels', 'end']).optional().describe('What is broken; `end`: the file stops too soon'),
  format: z.string().optional().describe('Of a broken file'),
};
/** Of one image. */
export const imageResponse = z.object({
  ...{ id, width: z.int(), height: z.int(), format: z.string(), frames: z.int() },
  dominantColor: z.string().describe('#rrggbb'),
  thumbhash: z.string().describe('base64; https://evanw.github.io/thumbhash/'),
  faces: z
    .array(face)
    .optional()
    .describe('Fractions of the upright original, whatever its edit; absent until faces were looked for'),
  ...{ report, exif },
  ...{ edit: shownEdit.optional(), alt: shownAlt.optional(), v: shownVersion.optional() },
});
export const metaResponse = z.object({
  images: z.array(z.union([imageResponse, z.object({ id, error: z.string(), message: z.string(), ...refusal })])),
});
export const purgeQuery = z.strictObject({
  original: z.enum(['true', 'false'], { error: 'expected true or false' }).default('false'),
});
export const purgeResponse = z.object({
  ...{ id, cacheTag: z.string() },
  removed: z.object({ memory: z.int(), results: z.int(), original: z.boolean() }),
  machines: z.object({ told: z.int(), failed: z.int() }).describe('Others that forgot it at once'),
  cdn: z.enum(['purged', 'failed', 'none']),
  failed: z.array(z.string()).describe('Steps that failed; call again until there are none'),
});

export const editResponse = z.object({
  ...{ id, v: shownVersion, edit: shownEdit, alt: shownAlt.optional() },
  ...{ machines: purgeResponse.shape.machines, cdn: purgeResponse.shape.cdn, failed: purgeResponse.shape.failed },
});

/** Ids of one call, or all below a folder. */
export const bulkPurgeRequest = z
  .strictObject({
    ids: z.array(id).min(1).max(1000).optional(),
    prefix: z
      .string()
      .max(512)
      .regex(/^[^/].*\/$/s, 'expected a folder such as seller/42/')
      .optional()
      .describe('A folder of ids; ends with a slash'),
    dryRun: z.boolean().default(false).describe('Only counts; for a prefix'),
  })
  .refine(({ ids, prefix }) => (ids === undefined) !== (prefix === undefined), 'expected either ids or a prefix')
  .refine(({ ids, dryRun }) => ids === undefined || !dryRun, { error: 'only a prefix is counted', path: ['dryRun'] });
export const bulkPurgeCount = z.object({
  prefix: z.string(),
  count: z.int().describe('Originals of which something is stored'),
});
export const purgeJobResponse = z.object({
  job: z.string().describe('For GET /v1/purge/<job>'),
  prefix: z.string().optional(),
  total: z.int().optional().describe('Of ids'),
  status: z.enum(['waiting', 'running', 'done', 'failed']),
  ...{ done: z.int(), failed: z.int(), createdAt: z.string() },
});
export const peerMessage = z.union([
  z.strictObject({ ids: z.array(id).min(1).max(1000) }),
  z.strictObject({ prefix: z.string().min(1).max(512) }),
]);

export const uploadRequest = z.strictObject({
  filename: z.string().min(1).max(255),
  contentType: z
    .string()
    .max(255)
    .default('')
    .describe(
      "What the browser says (`File.type`), in any case; empty where it says none. It is the file's name that decides it, so the content decides at complete",
    ),
  size: z.int().min(0).describe('Bytes, exactly; 0 is refused as `empty`'),
  category: z
    .enum(['product', 'avatar'])
    .default('product')
    .describe('The category whose presets the URLs are signed for'),
});
export const uploadResponse = z.object({
  ...{ imageId: z.string(), key: z.string(), uploadUrl: z.url(), method: z.literal('PUT') },
  headers: z.record(z.string(), z.string()).describe('To be sent with the upload, as they are'),
  expiresAt: z.int().describe('Unix seconds'),
  urls: z
    .record(z.string(), z.url())
    .describe(
      'Signed, by preset, below DARKROOM_PATH_PREFIX. A shop that signs its own may add `dl` (saved under a name), `exp` (unix seconds) and `v` (its own version of the original); a CDN needs the query in its cache key',
    ),
});
export const completeResponse = z.object({
  ...{ imageId: z.string(), bytes: z.int(), width: z.int(), height: z.int(), format: z.string(), frames: z.int() },
  ...{ dominantColor: z.string(), thumbhash: z.string(), report, exif },
});

export const errorResponse = z.object({ error: z.string(), message: z.string(), requestId: z.string() });
/** Of a refused file. */
export const refusalResponse = z.object({
  ...errorResponse.shape,
  ...refusal,
  quarantined: z.boolean().optional().describe('False: the upload stays where it is'),
});

/** The checked value. Throws a `bad_request` that names the wrong fields. */
export function parsed<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value ?? {});
  if (result.success) return result.data;
  const found = result.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
  throw errors.badRequest(found.join('; '));
}
