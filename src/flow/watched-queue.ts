import { DarkroomError } from '../errors.ts';
import type { QueuePermit, WorkQueue } from './work-queue.ts';

/** How long a job stood in line, in milliseconds, and how that ended. */
export interface WaitReport {
  readonly ms: number;
  /** `refused`: there was no room, at once or in time. `left`: its caller gave up. */
  readonly outcome: 'served' | 'refused' | 'left';
}

export interface QueueWatch {
  /** Places in all, with a slot and without: a job that finds them taken is refused at once. */
  readonly places: number;
  /** Once for every job that got a slot, or was turned away on the way to it. */
  onWait(wait: WaitReport): void;
  onRefusal(reason: 'queue_full' | 'wait_timeout' | 'input_memory' | 'work_memory'): void;
  /** A wait begins, at the door or for a slot; what it returns is called when it is over. */
  onTurn?(): (outcome: string) => void;
}

/** The same queue, and somebody is told who waits in it, for how long, and who is refused. */
export function watchQueue(queue: WorkQueue, watch: QueueWatch): WorkQueue {
  /** One of the two waits. */
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
    const full = queue.running + queue.waiting >= watch.places;
    const since = performance.now();
    const refused = () => watch.onRefusal(full ? 'queue_full' : 'wait_timeout');
    const sofar = () => performance.now() - since;
    return watchPermit(await turn(() => queue.enter(ms, signal), sofar, refused));
  }

  // The queue's own numbers are getters, which a copy would freeze.
  return Object.create(queue, { enter: { value: enter } });
}
