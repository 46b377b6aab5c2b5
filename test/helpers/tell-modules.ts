/**
 * Loaded into a server before its code: says on its standard error which modules of OpenTelemetry it looks for. Those that
 * prom-client asks for are its own affair: the API package, which does nothing by itself.
 */
import { registerHooks } from 'node:module';

registerHooks({
  resolve(specifier, context, next) {
    const wanted = /opentelemetry|@fastify\/otel/.test(specifier) && !context.parentURL?.includes('/prom-client/');
    if (wanted) process.stderr.write(`module asked for: ${specifier}\n`);
    return next(specifier, context);
  },
});
