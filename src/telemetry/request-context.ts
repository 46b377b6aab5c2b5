import type { StepTimer, StepTrace } from './step-timer.ts';

/** State of a request for the log, the metrics and the error handler; never its signature. */
export interface RequestContext {
  preset?: string;
  id?: string;
  negotiated?: boolean;
  /** `memory`, `store`, `render`, `collapsed`, `nearest`, `not_modified`, `redirected`, `client_left` or an error code. */
  outcome?: string;
  timer?: StepTimer;
  /** Set where tracing is on. */
  trace?: StepTrace;
  /** Set where the URL is one of another server. */
  legacy?: LegacyTrace;
}

/** Of a URL of the server that a shop moves away from. */
export interface LegacyTrace {
  readonly scheme: 'imgproxy' | 'thumbor' | 'cloudinary';
  /** Why it was refused before any work. */
  refused?: 'malformed' | 'bad_signature' | 'unsigned' | 'unknown_option' | 'unknown_source';
  /** The sentence of that, for the log: with the address that stands for no original. */
  sentence?: string;
}
