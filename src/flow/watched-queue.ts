import { DarkroomError } from '../errors.ts';
import type { QueuePermit, WorkQueue } from './work-queue.ts';

/** How long a job waited in the queue, in milliseconds, and how that ended. */
export interface WaitReport {
  readonly ms: number;
  /** `refused`: no permit or slot, at once or in time. `left`: its caller gave up. */
  readonly outcome: 'served' | 'refused' | 'left';
}

export interface QueueWatch {
  /** Queue permits in all, with a slot and without: a job that finds none is refused at once. */
  readonly permits: number;
  /** Called once for each job, when it has a slot or is rejected before that. */
  onWait(wait: WaitReport): void;
  onRefusal(reason: 'queue_full' | 'wait_timeout' | 'input_memory' | 'work_memory'): void;
  /** Called when a wait begins, for a permit or for a slot; the function returned is called when that wait ends. */
  onTurn?(): (outcome: string) => void;
}

/** The same queue, with reports of how long jobs wait in it and which are refused. */
export function watchQueue(queue: WorkQueue, watch: QueueWatch): WorkQueue {
  /** Wraps the wait for a permit or for a slot. */
  async function turn<T>(wait: () => Promise<T>, waitedMs: () => number, onTimeout: () => void): Promise<T> {
    const end = watch.onTurn?.();
    try {
      const result = await wait();
      end?.('ok');
      return result;
    } catch (reason) {
      const busy = reason instanceof DarkroomError && reason.code === 'busy';
      const outcome = reason instanceof DarkroomError ? 'refused' : 'left';
      end?.(outcome);
      watch.onWait({ ms: waitedMs(), outcome });
      if (busy) onTimeout();
      else if (outcome === 'refused') watch.onRefusal('work_memory');
      throw reason;
    }
  }

  function watchPermit(permit: QueuePermit): QueuePermit {
    return {
      hold(bytes) {
        try {
          permit.hold(bytes);
        } catch (reason) {
          watch.onRefusal('input_memory');
          throw reason;
        }
      },
      async slot(cost) {
        const timedOut = () => watch.onRefusal('wait_timeout');
        await turn(
          () => permit.slot(cost),
          () => permit.waitedMs,
          timedOut,
        );
        watch.onWait({ ms: permit.waitedMs, outcome: 'served' });
      },
      get waitedMs() {
        return permit.waitedMs;
      },
      [Symbol.dispose]: () => permit[Symbol.dispose](),
    };
  }

  async function enter(ms: number, signal: AbortSignal): Promise<QueuePermit> {
    const full = queue.running + queue.waiting >= watch.permits;
    const since = performance.now();
    const refused = () => watch.onRefusal(full ? 'queue_full' : 'wait_timeout');
    const soFar = () => performance.now() - since;
    return watchPermit(await turn(() => queue.enter(ms, signal), soFar, refused));
  }

  // The queue's numbers are getters, which a copy would freeze.
  return Object.create(queue, { enter: { value: enter } });
}
