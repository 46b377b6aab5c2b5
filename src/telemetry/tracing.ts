import type { Context, Span } from '@opentelemetry/api';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { RequestContext } from './request-context.ts';
import type { Step, StepTrace } from './step-timer.ts';

/** OpenTelemetry: a span for each request, and below it a span for each step of its flight. */
export interface Tracing {
  /** To be called before the first route or hook is added. */
  attach(app: FastifyInstance): void;
  /** Called when a wait begins, in the waiting request's context; returns the function to call when it ends. */
  beginWait(): (outcome: string) => void;
  /** Sends the remaining spans, for at most `withinMs` milliseconds. */
  close(withinMs: number): Promise<void>;
}

/** Milliseconds: a collector that does not answer must not use up the time of a shutdown. */
const LAST_SPANS_MS = 2000;

/**
 * Sends spans by OTLP over HTTP. The SDK reads address, sampling and service name from its own OTEL_ variables:
 * https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export async function createTracing(version: string, pathPrefix = ''): Promise<Tracing> {
  // Imported here only, so that a server without tracing does not load them, bundled or not.
  const { context, diag, DiagLogLevel, SpanStatusCode, trace } = await import('@opentelemetry/api');
  const { BatchSpanProcessor, NodeTracerProvider } = await import('@opentelemetry/sdk-trace-node');
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
  const { detectResources, envDetector, resourceFromAttributes } = await import('@opentelemetry/resources');
  const { FastifyOtelInstrumentation } = await import('@fastify/otel');

  const ours = resourceFromAttributes({ 'service.name': 'darkroom', 'service.version': version });
  const provider = new NodeTracerProvider({
    resource: ours.merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  provider.register();
  const tracer = trace.getTracer('darkroom', version);
  /** The request behind each trace, to which the spans of all who share its flight link. */
  const spans = new WeakMap<StepTrace, Span>();
  const instrumentation = new FastifyOtelInstrumentation({
    ...{ instrumentHooks: false, instrumentHandler: false, recordExceptions: false },
    // Paths of routes: those of the health checks stand below the path prefix too, and pictures have one route.
    ignorePaths: ({ url }) => url.endsWith('/health') || url.endsWith('/ready'),
    requestHook(span, request) {
      span.updateName(`${request.method} ${request.routeOptions.url ?? ''}`.trim());
      span.setAttribute('url.path', withoutSignature(request, pathPrefix));
    },
  });

  function begin(name: string, within: Context): (outcome: string) => void {
    const span = tracer.startSpan(name, {}, within);
    return (outcome) => {
      if (outcome !== 'ok') span.setStatus({ code: SpanStatusCode.ERROR, message: outcome });
      span.end();
    };
  }

  /** Sets the journey's results on the span, before it ends. */
  function describe(span: Span, context: RequestContext, status: number): void {
    const { outcome, preset, id, timer } = context;
    if (outcome) span.setAttribute('darkroom.outcome', outcome);
    if (preset) span.setAttribute('darkroom.preset', preset);
    if (id) span.setAttribute('darkroom.id', id);
    const leader = timer?.trace && spans.get(timer.trace);
    if (leader && leader !== span) span.addLink({ context: leader.spanContext() });
    // A 4xx was thrown, but it is the client's mistake and no failure of this server.
    if (status >= 400 && status < 500) span.setStatus({ code: SpanStatusCode.OK });
  }

  return {
    attach(app) {
      const { log } = app;
      const complain = (message: string) => log.warn({ reason: message.slice(0, 300) }, 'spans cannot be sent');
      const nothing = () => {};
      const logger = { error: complain, warn: nothing, info: nothing, debug: nothing, verbose: nothing };
      diag.setLogger(logger, { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true });
      // Not by `register`, which would take effect only after the routes are added.
      instrumentation.plugin()(app, {}, () => {});

      app.addHook('onRequest', (request, reply, done) => {
        const { span } = request.opentelemetry();
        if (!span) return done();
        const { traceId } = span.spanContext();
        if (!request.id.startsWith(traceId)) request.id = `${traceId}-${request.id}`;
        request.log = log.child({ reqId: request.id, traceId });
        reply.log = request.log;
        reply.raw.once('close', () => {
          // A client that left gets no answer, so no hook has ended its span.
          if (!span.isRecording()) return;
          describe(span, request.requestContext, reply.statusCode);
          span.end();
        });
        done();
      });
      app.addHook('preHandler', (request, _reply, done) => {
        const { span, context: within } = request.opentelemetry();
        if (span && within) request.requestContext.trace = traceOf(span, within);
        done();
      });
      app.addHook('onSend', (request, reply, _payload, done) => {
        const { span } = request.opentelemetry();
        if (span) describe(span, request.requestContext, reply.statusCode);
        done();
      });
    },
    beginWait: () => begin('queue', context.active()),
    async close(withinMs) {
      const over = Promise.withResolvers<void>();
      const timer = setTimeout(over.resolve, Math.min(LAST_SPANS_MS, withinMs));
      await Promise.race([provider.shutdown().catch(() => {}), over.promise]);
      clearTimeout(timer);
    },
  };

  function traceOf(span: Span, within: Context): StepTrace {
    const own: StepTrace = {
      begin(step: Step) {
        const end = begin(step, within);
        return (failed) => end(failed ? 'failed' : 'ok');
      },
    };
    spans.set(own, span);
    return own;
  }
}

/** A signature works for every holder, so spans, like logs, do not contain it. */
function withoutSignature({ routeOptions, raw }: FastifyRequest, prefix: string): string {
  if (routeOptions.url !== '/*') return routeOptions.url ?? '';
  const [path = ''] = (raw.url ?? '').split('?', 1);
  // Of a path that is not below the prefix, it cannot be told where the signature stands.
  if (!path.startsWith(`${prefix}/`)) return '/-';
  return prefix + path.slice(prefix.length).replace(/^\/[^/]*/, '/-');
}
