import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import { type PeerRouteDeps, registerPeerRoute } from '../api/peer-route.ts';
import { type ApiDeps, registerApi } from '../api/routes.ts';
import type { FolderUploads } from '../api/uploads/folder-upload-target.ts';
import { registerUploadRoute } from '../api/uploads/upload-route.ts';
import { DarkroomError, errors } from '../errors.ts';
import { type PlaygroundDeps, registerPlayground } from '../playground/playground.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { RequestContext } from '../telemetry/request-context.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import { ClientGone } from './client-gone.ts';
import {
  CONNECTION_LIMITS,
  type ConnectionLimits,
  guardConnections,
  SAFE_HEADERS,
  serverOptions,
} from './connections.ts';
import { createLegacyReport } from './legacy/legacy-report.ts';
import { createOriginCheck } from './origin-secret.ts';
import { createRequestIds, traceIdOf } from './request-ids.ts';
import { logError, logLine, logOf } from './request-log.ts';
import { createImageRoute, type ImageRouteDeps } from './serve-image.ts';

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
  /** Undefined where no collector is configured. */
  readonly tracing?: Tracing | undefined;
  /** Largest body of a signed upload. */
  readonly maxUploadBytes: number;
  /** Undefined without a token: then every path under /v1 is 404. */
  readonly api?: Omit<ApiDeps, 'version'> | undefined;
  /** Undefined without `DARKROOM_PEERS`: then no other machine is listened to. */
  readonly peer?: PeerRouteDeps | undefined;
  /** Set where originals lie in a folder and the API or the playground is on. */
  readonly folderUploads?: FolderUploads | undefined;
  readonly playground?: PlaygroundDeps | undefined;
  /** State of the process, for `/ready` and for draining. */
  readonly life: { readonly ready: boolean; readonly draining: boolean };
  /** What the paths of all pictures begin with; empty where left out. */
  readonly pathPrefix?: string | undefined;
  /** Undefined without `DARKROOM_ORIGIN_SECRET`: then pictures are sent to all who have a signed URL. */
  readonly originSecrets?: readonly string[] | undefined;
  /** Overrides single values of CONNECTION_LIMITS. */
  readonly connectionLimits?: Partial<ConnectionLimits>;
}

/** All routes in order, the error handler, 404 and health. Constructs no adapter: all are handed in. */
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
    // Bodies are checked by zod (api/schemas.ts). Fastify's own compilers would slow every start and never be called.
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    genReqId: ({ headers }) => requestId(traceIdOf(headers.traceparent)),
    // One logger for all requests: a child for each, which most never use, would cost a fiftieth of a memory hit.
    childLoggerFactory: (logger) => logger,
    // Fastify answers a path that it cannot decode before any route or hook runs.
    frameworkErrors: (error, request, reply) => {
      welcome(request, reply);
      answerError(error, request, reply);
    },
    routerOptions: {
      // An id of 512 bytes takes three times as many characters when encoded. parseImageUrl checks the exact limits.
      maxParamLength: 8192,
    },
  });

  const oldUrls = createLegacyReport((facts, message) => app.log.info(facts, message));
  app.addHook('onClose', async () => oldUrls.close());
  deps.tracing?.attach(app);
  app.decorateRequest('requestContext');
  // Hooks with callbacks: a promise for each of them would add a tenth to the time of a memory hit.
  app.addHook('onRequest', (request, reply, done) => {
    welcome(request, reply);
    if (life.draining) reply.header('connection', 'close');
    done();
  });
  guardConnections(app, limits);
  const refuseMethod = (request: FastifyRequest, reply: FastifyReply) => {
    const { method = '', url = '' } = request.raw;
    // Without a token the API's paths must look as if there were no API.
    if (url.startsWith('/v1/') || method === 'GET' || method === 'HEAD') return errors.notFound();
    reply.header('allow', 'GET, HEAD');
    return errors.methodNotAllowed();
  };
  app.addHook('onRequest', (request, reply, done) => {
    // TRACE and the like have no route. They are refused before a body is read, but one microtask later, so that the parser
    // has finished with the bytes that it was given.
    if (request.is404) queueMicrotask(() => done(refuseMethod(request, reply)));
    else done();
  });
  app.addHook('onSend', (_request, reply, payload, done) => {
    // A request that began before the drain closes its connection too, so that the server can close.
    if (life.draining) reply.header('connection', 'close');
    done(null, payload);
  });
  app.addHook('onResponse', (request, reply, done) => {
    metrics.observeRequest(request.requestContext, reply.statusCode, reply.elapsedTime);
    oldUrls.observe(request.requestContext, reply.statusCode);
    const { url = '' } = request.routeOptions;
    const { outcome, timer } = request.requestContext;
    const provisional = outcome === 'memory' && timer?.outcomes.face !== undefined;
    const remarkable = logsAll || provisional || !UNREMARKABLE.has(outcome);
    if (remarkable && (url === '/*' || url.startsWith('/v1/'))) logOf(request).info(logLine(request, reply), 'request');
    done();
  });
  app.setErrorHandler((error, request, reply) => {
    const answer = answerError(error, request, reply);
    // No response ends then, so onResponse does not run. 499 is nginx's status for it.
    if (request.requestContext.outcome === 'client_left')
      metrics.observeRequest(request.requestContext, 499, reply.elapsedTime);
    return answer;
  });
  app.setNotFoundHandler(() => {
    throw errors.notFound();
  });

  const uncached = { 'cache-control': 'no-store' };
  const sayHealth = (_request: FastifyRequest, reply: FastifyReply) =>
    reply.headers(uncached).send({ status: 'ok', version: deps.version });
  const sayReady = (_request: FastifyRequest, reply: FastifyReply) => {
    const status = life.draining ? 'draining' : life.ready ? 'ready' : 'starting';
    return reply
      .headers(uncached)
      .code(status === 'ready' ? 200 : 503)
      .send({ status });
  };
  app.get('/health', sayHealth);
  app.get('/ready', sayReady);
  if (deps.pathPrefix) {
    // Where imgproxy has its health.
    app.get(`${deps.pathPrefix}/health`, sayHealth);
    app.get(`${deps.pathPrefix}/ready`, sayReady);
  }

  const { api, folderUploads, playground, peer, originSecrets } = deps;
  const refuseStrangers = originSecrets && createOriginCheck(originSecrets);
  const uploadLimits = { maxBytes: deps.maxUploadBytes, timeoutMs: limits.requestTimeoutMs };
  if (folderUploads) app.register(async (scope) => registerUploadRoute(scope, folderUploads, uploadLimits));
  if (playground)
    app.register(async (scope) => {
      // It signs for every visitor, so none is to get round the CDN.
      if (refuseStrangers) scope.addHook('onRequest', async (request) => refuseStrangers(request));
      registerPlayground(scope, playground);
    });
  if (peer) app.register(async (scope) => registerPeerRoute(scope, peer));
  if (api) app.register(async (scope) => registerApi(scope, { ...api, version: deps.version }));

  const serveImage = createImageRoute(deps);
  app.route({
    method: ['GET', 'HEAD'],
    url: '/*',
    handler: async (request, reply) => {
      refuseStrangers?.(request);
      if (life.draining) throw errors.draining();
      return serveImage(request, reply);
    },
  });
  app.route({
    method: ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url: '/*',
    // Before the body is read, because an unreadable one would be answered 400.
    onRequest: async (request, reply) => {
      throw refuseMethod(request, reply);
    },
    handler: async () => {},
  });
  return app;
}

/** Outcomes without a log line, which would cost a third of the requests a second (bench/hits.ts); metrics count them. */
const UNREMARKABLE = new Set<string | undefined>(['memory', 'not_modified', 'redirected']);

function noSchemas(): never {
  throw new Error('routes have no schemas for Fastify: api/schemas.ts checks what comes in');
}

function welcome(request: FastifyRequest, reply: FastifyReply): void {
  request.requestContext = {};
  reply.headers(SAFE_HEADERS).header('x-request-id', request.id);
}

/** The one place where errors become answers. Causes go to the log, never to the client. */
function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known = asDarkroomError(error);
  const { requestContext: context } = request;
  context.outcome = error instanceof ClientGone ? 'client_left' : known.code;
  if (error instanceof ClientGone) return reply.hijack();
  if (known.status >= 500) logOf(request)[known.status === 503 ? 'info' : 'error']({ err: known }, known.code);

  if (context.negotiated) reply.header('vary', 'Accept');
  if (known.retryAfter !== undefined) reply.header('retry-after', String(known.retryAfter));
  // Errors of the API, of uploads and of the playground concern one client: no cache may repeat them.
  const uncached = reply.getHeader('cache-control') === 'no-store' || request.raw.url?.startsWith('/v1/');
  // The bodies of the image route are a contract to the byte; an API client reads why its file was refused.
  const facts = uncached ? known.refusal : undefined;
  return reply
    .code(known.status)
    .headers({
      'cache-control': uncached ? 'no-store' : known.cacheControl,
      'x-error': known.code,
      'content-type': 'application/json; charset=utf-8',
    })
    .send(inert({ error: known.code, message: known.publicMessage, requestId: request.id, ...facts }));
}

/** JSON without `<`: messages of the API repeat field names of the client, and a browser may ignore the content type. */
function inert(body: object): string {
  return JSON.stringify(body).replaceAll('<', '\\u003c');
}

function asDarkroomError(error: unknown): DarkroomError {
  if (error instanceof DarkroomError) return error;
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  // Fastify's own refusals (body too large, unsupported media type) mean that the client's request is wrong.
  return status >= 400 && status < 500 ? errors.badRequest('The request cannot be read.') : errors.internal(error);
}
