import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify';
import { traceIdOf } from './request-ids.ts';

/** A logger whose lines carry the request's id, and the trace's where there is one. */
export function logOf({ id, log, server, headers }: FastifyRequest): FastifyBaseLogger {
  if (log !== server.log) return log;
  const traceId = traceIdOf(headers.traceparent);
  return log.child(traceId ? { reqId: id, traceId } : { reqId: id });
}

/** The one line of a request. */
export function logLine(request: FastifyRequest, reply: FastifyReply) {
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

/** Error and causes without the properties that libraries add: those can hold whole requests, headers included. */
export function logError(error: Error): { type: string; message: string; stack: string } {
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
