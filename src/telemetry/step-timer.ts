/** The steps of a request that Server-Timing and the log name, in the order they happen. */
export const STEPS = ['store', 'queue', 'origin', 'decode', 'face', 'encode'] as const;
export type Step = (typeof STEPS)[number];

/** What one flight did: how long each step took and how it ended. */
export interface StepTimer {
  /** Waits for the step and books its time and whether it went well. */
  time<T>(step: Step, work: Promise<T>): Promise<T>;
  add(step: Step, milliseconds: number): void;
  /** A better word than `ok` for how the step ended, such as `miss`. */
  note(step: Step, outcome: string): void;
  /** Milliseconds by step, of the steps that happened. */
  readonly durations: Readonly<Partial<Record<Step, number>>>;
  readonly outcomes: Readonly<Partial<Record<Step, string>>>;
  /** Of the request that this timer was made for. */
  readonly trace: StepTrace | undefined;
}

/** Told of each step that is timed while it happens. */
export interface StepTrace {
  /** A step begins; what it returns is called when that ends. */
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

/** The Server-Timing header (https://www.w3.org/TR/server-timing/), in milliseconds. */
export function serverTiming(durations: StepTimer['durations'], totalMs: number): string {
  const steps = STEPS.filter((step) => durations[step] !== undefined).map(
    (step) => `${step};dur=${durations[step]?.toFixed(1)}`,
  );
  return [...steps, `total;dur=${totalMs.toFixed(1)}`].join(', ');
}
