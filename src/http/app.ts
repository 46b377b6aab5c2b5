import fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { type ApiDeps, registerApi } from '../api/routes.ts';
import type { FolderUploads } from '../api/uploads/folder-upload-target.ts';
import { registerUploadRoute } from '../api/uploads/upload-route.ts';
import { DarkroomError, errors } from '../errors.ts';
import { type PlaygroundDeps, registerPlayground } from '../playground/playground.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { RequestContext } from '../telemetry/request-context.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import {
  CONNECTION_LIMITS,
  type ConnectionLimits,
  guardConnections,
  SAFE_HEADERS,
  serverOptions,
} from './connections.ts';
import { createRequestIds, traceIdOf } from './request-ids.ts';
import { ClientGone, createImageRoute, type ImageRouteDeps } from './serve-image.ts';

declare module 'fastify' {
  interface FastifyRequest {
    requestContext: RequestContext;
  }
}

export interface AppDeps extends ImageRouteDeps {
  readonly version: string;
  readonly logLevel: string;
  /** Standard output when left out. */
  readonly logStream?: { write(line: string): void };
  readonly metrics: Metrics;
  /** Undefined when no collector is set. */
  readonly tracing?: Tracing | undefined;
  /** Largest body that a signed upload may have. */
  readonly maxUploadBytes: number;
  /** Undefined without a token: then there is nothing under /v1. */
  readonly api?: Omit<ApiDeps, 'version'> | undefined;
  /** Where originals lie in a folder and there is an API. */
  readonly folderUploads?: FolderUploads | undefined;
  /** Outside production only. */
  readonly playground?: PlaygroundDeps | undefined;
  /** The process's life as the routes see it. */
  readonly life: { readonly ready: boolean; readonly draining: boolean };
  /** Where they differ from CONNECTION_LIMITS. */
  readonly connectionLimits?: Partial<ConnectionLimits>;
}

/** All routes in order, the error handler, 404 and health. Builds no adapter: everything is handed in. */
export function buildApp(deps: AppDeps): FastifyInstance {
  const { life, metrics } = deps;
  const logsAll = deps.logLevel === 'debug' || deps.logLevel === 'trace';
  const requestId = createRequestIds();
  const limits = { ...CONNECTION_LIMITS, ...deps.connectionLimits };
  const app = fastify({
    ...serverOptions(limits),
    logger: {
      level: deps.logLevel,
      base: null,
      serializers: { req: () => ({}), err: logError },
      ...(deps.logStream ? { stream: deps.logStream } : {}),
    },
    logController: new LogController({ disableRequestLogging: true }),
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    exposeHeadRoutes: false,
    bodyLimit: 65_536,
    // Bodies are checked by zod (api/schemas.ts). Fastify's own compilers would take part of every start and never be called.
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    genReqId: ({ headers }) => requestId(traceIdOf(headers.traceparent)),
    childLoggerFactory(logger, bindings, options, { headers }) {
      const traceId = traceIdOf(headers.traceparent);
      return logger.child(traceId ? { ...bindings, traceId } : bindings, options);
    },
    // A path that does not decode never reaches a route or a hook.
    frameworkErrors: (error, request, reply) => {
      welcome(request, reply);
      answerError(error, request, reply);
    },
    routerOptions: {
      // Ids of 512 bytes take three times that once encoded; the parser of image URLs has the last word.
      maxParamLength: 8192,
    },
  });

  deps.tracing?.attach(app);
  app.decorateRequest('requestContext');
  // Hooks with callbacks: a promise for each of them would cost a memory hit a tenth of its time.
  app.addHook('onRequest', (request, reply, done) => {
    welcome(request, reply);
    if (life.draining) reply.header('connection', 'close');
    done();
  });
  guardConnections(app, limits);
  const refuseMethod = (request: FastifyRequest, reply: FastifyReply) => {
    const { method = '', url = '' } = request.raw;
    // The API under /v1 does not exist unless a token is set.
    if (url.startsWith('/v1/') || method === 'GET' || method === 'HEAD') return errors.notFound();
    reply.header('allow', 'GET, HEAD');
    return errors.methodNotAllowed();
  };
  app.addHook('onRequest', (request, reply, done) => {
    // TRACE and the like have no route; refused before a body is looked at, but after the parser has seen what came of it.
    if (request.is404) queueMicrotask(() => done(refuseMethod(request, reply)));
    else done();
  });
  app.addHook('onSend', (_request, reply, payload, done) => {
    // A request that began before the drain ends its connection too, so that the server can close.
    if (life.draining) reply.header('connection', 'close');
    done(null, payload);
  });
  app.addHook('onResponse', (request, reply, done) => {
    metrics.observeRequest(request.requestContext, reply.statusCode, reply.elapsedTime);
    const { url = '' } = request.routeOptions;
    const remarkable = logsAll || !UNREMARKABLE.has(request.requestContext.outcome);
    if (remarkable && (url === '/*' || url.startsWith('/v1/'))) request.log.info(logLine(request, reply), 'request');
    done();
  });
  app.setErrorHandler((error, request, reply) => {
    const answer = answerError(error, request, reply);
    // Nobody is answered then, so no response ends; 499 is what nginx calls it.
    if (request.requestContext.outcome === 'client_left')
      metrics.observeRequest(request.requestContext, 499, reply.elapsedTime);
    return answer;
  });
  app.setNotFoundHandler(() => {
    throw errors.notFound();
  });

  const uncached = { 'cache-control': 'no-store' };
  app.get('/health', async (_request, reply) => reply.headers(uncached).send({ status: 'ok', version: deps.version }));
  app.get('/ready', async (_request, reply) => {
    const status = life.draining ? 'draining' : life.ready ? 'ready' : 'starting';
    return reply
      .headers(uncached)
      .code(status === 'ready' ? 200 : 503)
      .send({ status });
  });

  const { api, folderUploads, playground } = deps;
  const uploadLimits = { maxBytes: deps.maxUploadBytes, timeoutMs: limits.requestTimeoutMs };
  if (folderUploads) app.register(async (scope) => registerUploadRoute(scope, folderUploads, uploadLimits));
  if (playground) app.register(async (scope) => registerPlayground(scope, playground));
  if (api) app.register(async (scope) => registerApi(scope, { ...api, version: deps.version }));

  const serveImage = createImageRoute(deps);
  app.route({
    method: ['GET', 'HEAD'],
    url: '/*',
    handler: async (request, reply) => {
      if (life.draining) throw errors.draining();
      return serveImage(request, reply);
    },
  });
  app.route({
    method: ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url: '/*',
    // Before a body is looked at, which would be answered for what it is.
    onRequest: async (request, reply) => {
      throw refuseMethod(request, reply);
    },
    handler: async () => {},
  });
  return app;
}

/** Counted by the metrics; a line for each would cost a third of the requests a second (bench/hits.ts). */
const UNREMARKABLE = new Set<string | undefined>(['memory', 'not_modified']);

function noSchemas(): never {
  throw new Error('routes have no schemas for Fastify: api/schemas.ts checks what comes in');
}

function welcome(request: FastifyRequest, reply: FastifyReply): void {
  request.requestContext = {};
  reply.headers(SAFE_HEADERS).header('x-request-id', request.id);
}

/** The one place where errors become answers. Internals go to the log, never to the client. */
function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known = asDarkroomError(error);
  const { requestContext: context } = request;
  context.outcome = error instanceof ClientGone ? 'client_left' : known.code;
  if (error instanceof ClientGone) return reply.hijack();
  if (known.status >= 500) request.log[known.status === 503 ? 'info' : 'error']({ err: known }, known.code);

  if (context.negotiated) reply.header('vary', 'Accept');
  if (known.retryAfter !== undefined) reply.header('retry-after', String(known.retryAfter));
  // Errors of the API, of uploads and of the playground concern one client: no cache may repeat them.
  const uncached = reply.getHeader('cache-control') === 'no-store' || request.raw.url?.startsWith('/v1/');
  return reply
    .code(known.status)
    .headers({
      'cache-control': uncached ? 'no-store' : known.cacheControl,
      'x-error': known.code,
      'content-type': 'application/json; charset=utf-8',
    })
    .send(inert({ error: known.code, message: known.publicMessage, requestId: request.id }));
}

/** JSON that is no HTML even where its type is ignored: messages of the API name fields that the client sent. */
function inert(body: object): string {
  return JSON.stringify(body).replaceAll('<', '\\u003c');
}

function asDarkroomError(error: unknown): DarkroomError {
  if (error instanceof DarkroomError) return error;
  const status = (error as FastifyError | undefined)?.statusCode ?? 500;
  // Fastify's own refusals (body too large, unsupported media type) are about what the client sent.
  return status >= 400 && status < 500 ? errors.badRequest('The request cannot be read.') : errors.internal(error);
}

function logLine(request: FastifyRequest, reply: FastifyReply) {
  const { preset, id, outcome, timer } = request.requestContext;
  const ms = Object.fromEntries(Object.entries(timer?.durations ?? {}).map(([step, taken]) => [step, round(taken)]));
  return {
    method: request.method,
    status: reply.statusCode,
    preset,
    id,
    outcome,
    steps: timer?.outcomes,
    bytes: Number(reply.getHeader('content-length') ?? 0),
    ms: { ...ms, total: round(reply.elapsedTime) },
  };
}

/** Error and causes without the properties that libraries hang on them: those can carry whole requests. */
function logError(error: Error): { type: string; message: string; stack: string } {
  const causes: string[] = [];
  for (let cause = error.cause; cause instanceof Error && causes.length < 5; cause = cause.cause) {
    causes.push(`${cause.name}: ${cause.message}`);
  }
  const message = [error.message, ...causes].join(' < ');
  return { type: error.name, message, stack: error.stack ?? '' };
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}
