/** A signal that aborts with its parent's reason or, after so many milliseconds, with a `TimeoutError`. Hold it with `using`. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  /** Whether it was time that ran out. */
  readonly expired: boolean;
}

/**
 * As `AbortSignal.any([parent, AbortSignal.timeout(ms)])`, but over when the work is: that one keeps its timer until it has
 * run out, and makes an error that nobody sees, a tenth of a millisecond for each call to a store.
 */
export function startDeadline(parent: AbortSignal, ms: number): Deadline {
  const controller = new AbortController();
  let expired = false;
  const onAbort = () => controller.abort(parent.reason);
  const timer = setTimeout(() => {
    expired = true;
    controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
  }, ms);
  // As a signal's own timer: it holds no process up.
  timer.unref();
  if (parent.aborted) onAbort();
  else parent.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    get expired() {
      return expired;
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      parent.removeEventListener('abort', onAbort);
    },
  };
}
