import type { StepTimer, StepTrace } from './step-timer.ts';

/** What the log and the error handler know of a request; never its signature. */
export interface RequestContext {
  preset?: string;
  id?: string;
  negotiated?: boolean;
  /** `memory`, `store`, `render`, `collapsed`, `nearest`, `not_modified`, `client_left` or an error code. */
  outcome?: string;
  timer?: StepTimer;
  /** Where tracing is on. */
  trace?: StepTrace;
}
