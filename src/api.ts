import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { errors } from './errors.ts';
import type { ImageMeta } from './image-meta.ts';
import type { Purge } from './purge.ts';
import { checkedId } from './url/image-url.ts';

export interface ApiDeps {
  readonly apiToken: string;
  readonly purge: Purge;
  readonly imageMeta: (ids: readonly string[], signal: AbortSignal) => Promise<ImageMeta[]>;
  readonly version: string;
}

/** The longest that a call may take in milliseconds; what is not done by then is reported as not done. */
const PURGE_TIMEOUT_MS = 60_000;
const META_TIMEOUT_MS = 20_000;

const id = z.string().min(1).max(512).describe('The key of an original, decoded');
const face = z.object({
  ...{ left: z.number(), top: z.number(), width: z.number(), height: z.number() },
  ...{ score: z.number(), eyesY: z.number() },
});
const metaRequest = z.strictObject({ ids: z.array(id).min(1).max(200) });
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
const purgeQuery = z.strictObject({
  original: z.enum(['true', 'false'], { error: 'expected true or false' }).default('false'),
});
const purgeResponse = z.object({
  ...{ id, cacheTag: z.string() },
  removed: z.object({ memory: z.int(), results: z.int(), original: z.boolean() }),
  cdn: z.enum(['purged', 'failed', 'none']),
});

/** The routes under /v1, for the shop's own servers: JSON in, JSON out, never cached. */
export function registerApi(app: FastifyInstance, { apiToken, purge, imageMeta, version }: ApiDeps): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store');
    const [, token] = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? '') ?? [];
    if (token === undefined) {
      reply.header('www-authenticate', 'Bearer');
      throw errors.unauthorized();
    }
    if (!sameText(token, apiToken)) throw errors.forbidden();
  });

  app.get('/v1/openapi.json', async () => openApi(version));

  app.post('/v1/images/meta', async (request) => {
    const { ids } = parsed(metaRequest, request.body);
    for (const each of ids) checkedId(each);
    request.visit.outcome = 'meta';
    return { images: await imageMeta(ids, AbortSignal.timeout(META_TIMEOUT_MS)) };
  });

  app.delete('/v1/images/:id', async (request) => {
    const { original } = parsed(purgeQuery, request.query);
    const purged = checkedId((request.params as { id: string }).id);
    request.visit.id = purged;
    request.visit.outcome = 'purge';
    return purge(purged, { original: original === 'true' }, AbortSignal.timeout(PURGE_TIMEOUT_MS));
  });
}

/** Throws a `bad_request` that names the fields. */
function parsed<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value ?? {});
  if (result.success) return result.data;
  const found = result.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
  throw errors.badRequest(found.join('; '));
}

/** In a time that says nothing of where the texts differ, nor of their lengths. */
function sameText(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

function openApi(version: string) {
  const json = (schema: z.ZodType) => ({
    content: { 'application/json': { schema: z.toJSONSchema(schema, { io: 'input' }) } },
  });
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
      '/v1/images/{id}': {
        delete: {
          summary:
            'Removes the renditions of an original from memory, the result store and the CDN, and the original on request',
          parameters: [
            {
              name: 'id',
              in: 'path',
              required: true,
              description: 'Percent-encoded as one segment',
              schema: { type: 'string' },
            },
            { name: 'original', in: 'query', schema: { type: 'string', enum: ['true', 'false'], default: 'false' } },
          ],
          responses: { '200': { description: 'What was removed', ...json(purgeResponse) }, ...failures },
        },
      },
    },
  };
}
