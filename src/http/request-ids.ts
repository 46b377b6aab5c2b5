import { randomBytes } from 'node:crypto';

/** https://www.w3.org/TR/trace-context/#traceparent-header: later versions may append fields, version ff is none. */
const TRACEPARENT = /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-[\da-f]{2}(?:$|(?<!^00.*)-)/;

/** The id of the trace that a request belongs to, 32 hex digits; undefined without a valid `traceparent`. */
export function traceIdOf(traceparent: string | string[] | undefined): string | undefined {
  return typeof traceparent === 'string' ? TRACEPARENT.exec(traceparent)?.[1] : undefined;
}

/**
 * Short, unique ids: random for the process, counted within it. A client's own request id is not taken. With a trace the id
 * is prefixed by the trace's, which alone would not do, because many requests may belong to one trace.
 */
export function createRequestIds(): (traceId?: string) => string {
  const processId = randomBytes(6).toString('hex');
  let count = 0;
  return (traceId) => {
    count += 1;
    const id = `${processId}-${count.toString(36)}`;
    return traceId === undefined ? id : `${traceId}-${id}`;
  };
}
