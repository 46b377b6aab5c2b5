/** The steps of a request in Server-Timing and log, in the order in which they happen. */
export const STEPS = ['store', 'queue', 'origin', 'decode', 'face', 'encode'] as const;
export type Step = (typeof STEPS)[number];

/** Duration and outcome of each step of one flight. */
export interface StepTimer {
  /** Waits for the step and records its time and whether it failed. */
  time<T>(step: Step, work: Promise<T>): Promise<T>;
  add(step: Step, milliseconds: number): void;
  /** Replaces the outcome `ok` by a more exact one, such as `miss`. */
  note(step: Step, outcome: string): void;
  /** Milliseconds of each step that happened. */
  readonly durations: Readonly<Partial<Record<Step, number>>>;
  readonly outcomes: Readonly<Partial<Record<Step, string>>>;
  /** Trace of the request that this timer was made for. */
  readonly trace: StepTrace | undefined;
}

/** Receives each step that is timed, while it happens. */
export interface StepTrace {
  /** Called when a step begins; returns the function to call when it ends. */
  begin(step: Step): (failed: boolean) => void;
}

export function createStepTimer(trace?: StepTrace): StepTimer {
  const durations: Partial<Record<Step, number>> = {};
  const outcomes: Partial<Record<Step, string>> = {};
  const add = (step: Step, milliseconds: number) => {
    durations[step] = (durations[step] ?? 0) + milliseconds;
  };
  return {
    async time(step, work) {
      const end = trace?.begin(step);
      const since = performance.now();
      outcomes[step] = 'failed';
      try {
        const result = await work;
        outcomes[step] = 'ok';
        return result;
      } finally {
        add(step, performance.now() - since);
        end?.(outcomes[step] === 'failed');
      }
    },
    add,
    note(step, outcome) {
      outcomes[step] = outcome;
    },
    durations,
    outcomes,
    trace,
  };
}

/** Of an answer from memory. */
export const NO_STEPS: StepTimer['durations'] = {};

/** The Server-Timing header (https://www.w3.org/TR/server-timing/), in milliseconds. */
export function serverTiming(durations: StepTimer['durations'], totalMs: number): string {
  const total = `total;dur=${totalMs.toFixed(1)}`;
  if (durations === NO_STEPS) return total;
  const steps = STEPS.filter((step) => durations[step] !== undefined).map(
    (step) => `${step};dur=${durations[step]?.toFixed(1)}`,
  );
  return [...steps, total].join(', ');
}
