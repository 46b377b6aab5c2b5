import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { parsed, uploadRequest } from '../api/schemas.ts';
import type { Uploads } from '../api/uploads/uploads.ts';
import { errors } from '../errors.ts';
import type { KnownAssets } from '../presets/known-assets.ts';
import { checkPresets } from '../presets/schema.ts';
import { checkId } from '../url/parse-image-path.ts';
import { PINNABLE_FORMATS } from '../url/preset-defaults.ts';
import { createImageUrls, type ImageMeta, toHtml } from '../url/sdk.ts';
import { type DetailsDeps, detailsOf } from './details.ts';
import { type Draft, draftOf } from './draft.ts';
import { pictureIds } from './example-urls.ts';
import { pageFile } from './page-files.ts';

export interface PlaygroundDeps extends DetailsDeps {
  /** A presets file, checked already. */
  readonly definitions: unknown;
  readonly signingKey: Uint8Array;
  readonly uploads: Uploads | undefined;
  /** Undefined without a token or a result store: then no edit can be saved. */
  readonly api: { readonly edits: object | undefined } | undefined;
  readonly assets: { readonly known: KnownAssets; names(): { images: readonly string[]; fonts: readonly string[] } };
  readonly settings: PlaygroundSettings;
}

/** Of the server. */
export interface PlaygroundSettings {
  readonly pathPrefix: string;
  readonly inlinePresets: boolean;
  readonly faces: boolean;
  readonly renderTimeoutMs: number;
  /** `path` of a folder. */
  readonly originals: { readonly kind: string; readonly path?: string };
}

const TIMEOUT_MS = 20_000;
const MAX_LISTED = 60;
/** The whole picture, small enough for a screen, for the side where faces and crop are drawn. */
const WHOLE = 'w_1000,h_1000,fit_inside,f_webp';
const SMALL = 'w_96,h_96,fit_cover,g_center,f_webp';

const signed = {
  id: z.string(),
  width: z.int().optional(),
  pixelRatio: z.number().optional(),
  format: z.enum(PINNABLE_FORMATS).optional(),
  download: z.string().optional(),
  version: z.string().optional(),
  variables: z.record(z.string(), z.string()).optional(),
};
const choice = z.strictObject({ ...signed, preset: z.string() });
const draftChoice = z.strictObject({
  ...signed,
  fields: z.record(z.string(), z.unknown()),
  from: z.string().optional(),
});
const detailsChoice = z.strictObject({ ...signed, preset: z.string().optional() });
const justId = z.strictObject({ id: z.string(), version: z.string().optional() });

/** A page on which presets are made and tried. It signs URLs for every visitor, so it is not for production. */
export function registerPlayground(app: FastifyInstance, deps: PlaygroundDeps): void {
  const { uploads, settings, assets } = deps;
  const { originals } = settings;
  const definitions = checkPresets(deps.definitions);
  const limits = { ...settings, definitions, inline: settings.inlinePresets, assets: assets.known };
  const imagesAt = ({ protocol, host }: FastifyRequest) =>
    createImageUrls({
      ...{ baseUrl: `${protocol}://${host}${settings.pathPrefix}`, key: deps.signingKey, presets: definitions },
    });

  app.addHook('onRequest', async (request, reply) => {
    // Another site that is open in the developer's browser must not have URLs signed nor read the answers.
    const site = request.headers['sec-fetch-site'];
    const asked = request.routeOptions.url?.startsWith('/playground/api/');
    if (asked && site !== undefined && site !== 'same-origin' && site !== 'none') throw errors.forbidden();
    reply.removeHeader('access-control-allow-origin');
    reply.headers({
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'content-security-policy':
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; connect-src 'self' http: https:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    });
  });

  app.route({
    ...{ method: ['GET', 'HEAD'], url: '/' },
    handler: async (_request, reply) => reply.redirect('/playground', 302),
  });
  app.get('/playground', async (_request, reply) => {
    const { type, body } = await pageFile('page.html');
    return reply.type(type).send(body);
  });
  app.get<{ Params: { '*': string } }>('/playground/page/*', async (request, reply) => {
    const { type, body } = await pageFile(request.params['*']);
    return reply.type(type).send(body);
  });

  app.get('/playground/api/presets', async () => ({
    presets: Object.entries(definitions).map(([name, fields]) => ({ name, fields })),
    assets: assets.names(),
    server: {
      ...{ inline: settings.inlinePresets, faces: settings.faces, originals: originals.kind },
      ...{ uploads: uploads !== undefined, edits: deps.api?.edits !== undefined },
    },
  }));

  app.get('/playground/api/images', async (request) => {
    const images = imagesAt(request);
    const ids = originals.kind === 'folder' ? await pictureIds(originals.path ?? '') : [];
    const shown = ids.filter(isId).slice(0, MAX_LISTED);
    return { images: shown.map((id) => ({ id, thumb: images.url(id, SMALL) })), all: ids.length };
  });

  app.post('/playground/api/whole', async (request) => {
    const { id, version } = parsed(justId, request.body);
    const images = imagesAt(request);
    return { url: images.url(id, WHOLE, { version }), thumb: images.url(id, SMALL, { version }) };
  });

  app.post('/playground/api/sign', async (request) => {
    const { id, preset, ...options } = parsed(choice, request.body);
    return signing(() => urlsOf(imagesAt(request), id, preset, options));
  });

  /** Looks at a preset that is being made: what is wrong with it, or what it looks like. */
  app.post('/playground/api/draft', async (request) => {
    const { fields, from, id, ...options } = parsed(draftChoice, request.body);
    const draft = draftOf(fields, from, limits);
    if (!isDraft(draft)) return { faults: draft };
    const { preset, before, ...told } = draft;
    if (preset === undefined) return told;
    const images = imagesAt(request);
    const { width, pixelRatio, version } = options;
    const [meta] = await deps.imageMeta([id], AbortSignal.timeout(TIMEOUT_MS));
    return signing(() => ({
      ...{ ...told, preset },
      ...urlsOf(images, id, preset, options, meta && 'error' in meta ? undefined : meta),
      before: before && width === undefined ? images.url(id, before, { pixelRatio, version }) : undefined,
    }));
  });

  app.post('/playground/api/details', async (request) => {
    const { id, preset, width, pixelRatio = 1, format, variables = {} } = parsed(detailsChoice, request.body);
    const size = width === undefined ? (pixelRatio === 1 ? '' : `@${pixelRatio}x`) : `@${width}w`;
    return detailsOf({ id, preset, suffix: `${size}${format ? `.${format}` : ''}`, variables }, deps);
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

/** A file may have a name that no URL can carry. */
function isId(name: string): boolean {
  try {
    return checkId(name) === name && name.isWellFormed();
  } catch {
    return false;
  }
}

type Options = Omit<z.output<typeof choice>, 'id' | 'preset'>;

function urlsOf(
  images: ReturnType<typeof createImageUrls<Record<string, object>>>,
  id: string,
  preset: string,
  options: Options,
  meta?: ImageMeta,
) {
  const { version, variables } = options;
  return {
    url: images.url(id, preset, options),
    markup: toHtml(images.picture(id, preset, { version, variables, meta })),
  };
}

/** With the signer's reason for refusing the choice. */
function signing<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof TypeError) throw errors.badRequest(error.message);
    throw error;
  }
}

function isDraft(draft: ReturnType<typeof draftOf>): draft is Draft {
  return 'notes' in draft;
}
