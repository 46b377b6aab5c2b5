/** What the API takes and gives, checked by zod and told as JSON Schema (https://spec.openapis.org/oas/v3.1.1.html). */
import { z } from 'zod';
import { errors } from '../errors.ts';

const id = z.string().min(1).max(512).describe('The key of an original, decoded');
const face = z.object({
  ...{ left: z.number(), top: z.number(), width: z.number(), height: z.number() },
  ...{ score: z.number(), eyesY: z.number() },
});
export const metaRequest = z.strictObject({ ids: z.array(id).min(1).max(200) });
const metaResponse = z.object({
  images: z.array(
    z.union([
      z.object({
        ...{ id, width: z.int(), height: z.int(), format: z.string(), frames: z.int() },
        dominantColor: z.string().describe('#rrggbb'),
        thumbhash: z.string().describe('base64; https://evanw.github.io/thumbhash/'),
        faces: z.array(face).optional().describe('Fractions of the upright picture; absent until somebody looked'),
      }),
      z.object({ id, error: z.string(), message: z.string() }),
    ]),
  ),
});
export const purgeQuery = z.strictObject({
  original: z.enum(['true', 'false'], { error: 'expected true or false' }).default('false'),
});
const purgeResponse = z.object({
  ...{ id, cacheTag: z.string() },
  removed: z.object({ memory: z.int(), results: z.int(), original: z.boolean() }),
  cdn: z.enum(['purged', 'failed', 'none']),
});

/** Ids of one call, or all below a folder. */
export const bulkPurgeRequest = z.union([
  z.strictObject({ ids: z.array(id).min(1).max(1000) }),
  z.strictObject({
    prefix: z.string().min(2).max(512).endsWith('/').describe('A folder of ids; ends with a slash'),
    dryRun: z.boolean().default(false).describe('Only counts'),
  }),
]);
export const purgeJobResponse = z.object({
  job: z.string(),
  prefix: z.string().optional(),
  total: z.int().optional(),
  status: z.enum(['waiting', 'running', 'done', 'failed']),
  ...{ done: z.int(), failed: z.int(), createdAt: z.string() },
});
export const peerMessage = z.union([
  z.strictObject({ ids: z.array(id).min(1).max(1000) }),
  z.strictObject({ prefix: z.string().min(1).max(512) }),
]);

export const uploadRequest = z.strictObject({
  filename: z.string().min(1).max(255),
  contentType: z.enum(['image/jpeg', 'image/png', 'image/webp', 'image/avif', 'image/gif'], {
    error: 'expected image/jpeg, image/png, image/webp, image/avif or image/gif',
  }),
  size: z.int().min(1).describe('Bytes, exactly'),
  category: z.enum(['product', 'avatar']).default('product').describe('Whose presets to sign URLs for'),
});
const uploadResponse = z.object({
  ...{ imageId: z.string(), key: z.string(), uploadUrl: z.url(), method: z.literal('PUT') },
  headers: z.record(z.string(), z.string()).describe('To be sent with the upload, as they are'),
  expiresAt: z.int().describe('Unix seconds'),
  urls: z.record(z.string(), z.url()).describe('Signed, by preset'),
});
const completeResponse = z.object({
  ...{ imageId: z.string(), bytes: z.int(), width: z.int(), height: z.int(), format: z.string(), frames: z.int() },
  ...{ dominantColor: z.string(), thumbhash: z.string() },
});

/** Throws a `bad_request` that names the fields. */
export function parsed<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value ?? {});
  if (result.success) return result.data;
  const found = result.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
  throw errors.badRequest(found.join('; '));
}

export function openApi(version: string) {
  const json = (schema: z.ZodType) => ({
    content: { 'application/json': { schema: z.toJSONSchema(schema, { io: 'input' }) } },
  });
  const idParameter = {
    name: 'id',
    in: 'path',
    required: true,
    description: 'Percent-encoded as one segment',
    schema: { type: 'string' },
  };
  const failure = z.object({ error: z.string(), message: z.string(), requestId: z.string() });
  const failures = Object.fromEntries(
    [
      ...[
        ['400', 'A field is wrong; the message names it'],
        ['401', 'No bearer token'],
        ['403', 'A wrong token'],
      ],
      ...[
        ['502', 'A store failed'],
        ['504', 'A store was too slow'],
      ],
    ].map(([status = '', description]) => [status, { description, ...json(failure) }]),
  );
  return {
    openapi: '3.1.0',
    info: { title: 'Darkroom', version },
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    security: [{ token: [] }],
    paths: {
      '/v1/images/meta': {
        post: {
          summary: 'Size, colour, placeholder and faces of up to 200 originals, from what is known or after one look',
          requestBody: { required: true, ...json(metaRequest) },
          responses: { '200': { description: 'In the order asked for', ...json(metaResponse) }, ...failures },
        },
      },
      '/v1/images/upload-url': {
        post: {
          summary:
            'An id for a new original, a URL to PUT it to within five minutes, and the signed URLs of its renditions',
          requestBody: { required: true, ...json(uploadRequest) },
          responses: {
            '200': { description: 'Nothing is there before the PUT', ...json(uploadResponse) },
            ...failures,
          },
        },
      },
      '/v1/images/{id}/complete': {
        post: {
          summary: 'Looks at what was really uploaded; what is no picture of the stated type is quarantined',
          parameters: [idParameter],
          responses: {
            '200': { description: 'What was found', ...json(completeResponse) },
            '404': { description: 'Nothing was uploaded', ...json(failure) },
            '422': { description: 'Quarantined; the message says why', ...json(failure) },
            ...failures,
          },
        },
      },
      '/v1/images/{id}': {
        delete: {
          summary:
            'Removes the renditions of an original from memory, the result store and the CDN, and the original on request',
          parameters: [
            idParameter,
            { name: 'original', in: 'query', schema: { type: 'string', enum: ['true', 'false'], default: 'false' } },
          ],
          responses: { '200': { description: 'What was removed', ...json(purgeResponse) }, ...failures },
        },
      },
    },
  };
}
