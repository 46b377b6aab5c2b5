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
}
