import { OperatorError } from '../errors.ts';

/** Why the process cannot start: a sentence where the operator can mend it, else the stack. */
export function startFailure(error: unknown): string {
  if (error instanceof OperatorError) return error.message;
  if (!(error instanceof Error)) return String(error);
  if (isListenError(error))
    return `It cannot listen on ${error.address}:${error.port} (${error.code}): set HOST, PORT or DARKROOM_METRICS_PORT.`;
  return error.stack ?? error.message;
}

/** https://nodejs.org/api/errors.html#class-systemerror */
function isListenError(error: Error): error is Error & { address: string; port: number; code: string } {
  return 'syscall' in error && error.syscall === 'listen' && 'address' in error && 'port' in error;
}
