import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { CrowdOrder, CrowdReport } from './crowd-process.ts';
import { untilAnswer } from './turns.ts';

/** Many clients in a process of their own, so that neither their memory nor their files count as the server's. */
export async function startCrowd(order: CrowdOrder) {
  const child = fork(new URL('./crowd-process.ts', import.meta.url), { stdio: 'inherit' });
  const exited = once(child, 'exit');
  const ask = async (message: CrowdOrder | 'report'): Promise<CrowdReport> => {
    child.send(message);
    const [report] = await once(child, 'message');
    return report;
  };
  const start = await ask(order);
  return {
    start,
    report: () => ask('report'),
    /** Waits until the server has closed them all. */
    allClosed: () =>
      untilAnswer(
        () => ask('report'),
        ({ closed }) => closed >= order.count,
        100,
      ),
    async dispose() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** How many files a process may open here; Node raises its own limit as far as it may. */
export function fileLimit(): number {
  const [, hard] = /^Max open files +\S+ +(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard);
}
