import { readFile } from 'node:fs/promises';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { ImageReport } from '../api/meta/image-meta.ts';
import { parsed, uploadRequest } from '../api/schemas.ts';
import type { Uploads } from '../api/uploads/uploads.ts';
import { errors } from '../errors.ts';
import type { OriginalMetadata } from '../originals/metadata.ts';
import { facesFor } from '../originals/records/known-faces.ts';
import type { Presets } from '../presets/presets.ts';
import type { Preset } from '../presets/schema.ts';
import type { Box, Size } from '../render/pixels.ts';
import { windowToFaces } from '../render/stages/geometry.ts';
import { lookDepthFor } from '../render/stages/look-depth.ts';
import { planView } from '../render/stages/view/plan.ts';
import { PINNABLE_FORMATS } from '../url/preset-defaults.ts';
import { createImageUrls, toHtml } from '../url/sdk.ts';

export interface PlaygroundDeps {
  readonly presets: Presets;
  /** The presets with their defaults filled in. */
  readonly definitions: Readonly<Record<string, Preset>>;
  readonly signingKey: Uint8Array;
  readonly pathPrefix: string;
  readonly metadata: OriginalMetadata;
  readonly uploads: Uploads | undefined;
  readonly imageMeta: (ids: readonly string[], signal: AbortSignal) => Promise<ImageReport[]>;
  /** Ids to choose from, newest first. */
  listIds(): Promise<readonly string[]>;
}

const TIMEOUT_MS = 20_000;
const MAX_LISTED = 60;
/** The whole picture, small enough for a screen, for the side where faces and crop are drawn. */
const WHOLE = 'w_1000,h_1000,fit_inside,f_webp';
const SMALL = 'w_96,h_96,fit_cover,g_center,f_webp';

const choice = z.strictObject({
  id: z.string(),
  preset: z.string(),
  width: z.int().optional(),
  pixelRatio: z.number().optional(),
  format: z.enum(PINNABLE_FORMATS).optional(),
  download: z.string().optional(),
  version: z.string().optional(),
});
const justId = z.strictObject({ id: z.string() });

/** A page on which developers try presets. It signs URLs for every visitor, so it is not for production. */
export function registerPlayground(app: FastifyInstance, deps: PlaygroundDeps): void {
  const { presets, definitions, metadata, uploads, imageMeta } = deps;
  const imagesAt = ({ protocol, host }: FastifyRequest) =>
    createImageUrls({ baseUrl: `${protocol}://${host}${deps.pathPrefix}`, key: deps.signingKey, presets: definitions });

  app.addHook('onRequest', async (request, reply) => {
    // Another site that is open in the developer's browser must not have URLs signed nor read the answers.
    const site = request.headers['sec-fetch-site'];
    const asked = request.routeOptions.url?.startsWith('/playground/api/');
    if (asked && site !== undefined && site !== 'same-origin' && site !== 'none') throw errors.forbidden();
    reply.removeHeader('access-control-allow-origin');
    reply.headers({
      'cache-control': 'no-store',
      'content-security-policy':
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; connect-src 'self' http: https:; frame-ancestors 'none'",
    });
  });

  const file = (name: string) => readFile(new URL(`./${name}`, import.meta.url), 'utf8');
  app.get('/playground', async (_request, reply) =>
    reply.type('text/html; charset=utf-8').send(await file('page.html')),
  );
  app.get('/playground/page.css', async (_request, reply) => reply.type('text/css').send(await file('page.css')));
  app.get('/playground/page.js', async (_request, reply) => {
    // Imported here, because the older Node versions that can run the command line do not export it.
    const { stripTypeScriptTypes } = await import('node:module');
    return reply.type('text/javascript').send(stripTypeScriptTypes(await file('page.ts')));
  });

  app.get('/playground/api/presets', async () => ({
    presets: Object.entries(definitions).map(([name, { widths, pixelRatios, formats }]) => ({
      ...{ name, widths, pixelRatios, formats },
    })),
  }));

  app.get('/playground/api/images', async (request) => {
    const images = imagesAt(request);
    const ids = (await deps.listIds()).slice(0, MAX_LISTED);
    return { images: ids.map((id) => ({ id, thumb: images.url(id, SMALL) })) };
  });

  app.post('/playground/api/whole', async (request) => {
    const { id } = parsed(justId, request.body);
    return { url: imagesAt(request).url(id, WHOLE) };
  });

  app.post('/playground/api/sign', async (request) => {
    const { id, preset, width, pixelRatio, format, ...signed } = parsed(choice, request.body);
    const images = imagesAt(request);
    try {
      return {
        url: images.url(id, preset, { width, pixelRatio, format, ...signed }),
        markup: toHtml(images.picture(id, preset, { version: signed.version })),
      };
    } catch (error) {
      // The signer's reason for refusing the choice.
      if (error instanceof TypeError) throw errors.badRequest(error.message);
      throw error;
    }
  });

  app.post('/playground/api/details', async (request) => {
    const { id, preset, width, pixelRatio = 1, format } = parsed(choice, request.body);
    const [meta] = await imageMeta([id], AbortSignal.timeout(TIMEOUT_MS));
    if (!meta || 'error' in meta) return { message: meta?.message };
    const size = width === undefined ? (pixelRatio === 1 ? '' : `@${pixelRatio}x`) : `@${width}w`;
    const { recipe } = presets.resolve(preset, `${size}${format ? `.${format}` : ''}`, undefined);
    const aims = recipe.gravity === 'auto' || recipe.gravity === 'faces';
    const { plan, plain } = planView(meta, recipe, 1);
    const faces = facesFor(metadata.known(id).faces, lookDepthFor(plan, meta, meta, recipe.faceZoom));
    const sought = recipe.gravity === 'attention' || recipe.gravity === 'entropy';
    // What is shown of a part or a turned picture is no box of the original.
    if (recipe.fit !== 'cover' || sought || !plain || (aims && !faces?.length)) return meta;
    const { scaled, window } = aims ? windowToFaces(plan, faces ?? [], meta, recipe.faceZoom) : plan;
    return { ...meta, crop: inFractions(window, scaled) };
  });

  app.post('/playground/api/upload-url', async (request) => {
    if (!uploads) throw errors.badRequest('The originals of this server can only be read.');
    return uploads.begin(parsed(uploadRequest, request.body), `${request.protocol}://${request.host}`);
  });

  app.post('/playground/api/complete', async (request) => {
    if (!uploads) throw errors.badRequest('The originals of this server can only be read.');
    return uploads.complete(parsed(justId, request.body).id, AbortSignal.timeout(TIMEOUT_MS));
  });
}

function inFractions({ left, top, width, height }: Box, whole: Size) {
  return {
    ...{ left: left / whole.width, top: top / whole.height },
    ...{ width: width / whole.width, height: height / whole.height },
  };
}
