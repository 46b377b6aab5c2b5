import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import type { CrowdOrder, CrowdReport } from './crowd-process.ts';

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
    /** Waits until the server has closed them all; fails after half a minute. */
    async allClosed(): Promise<CrowdReport> {
      for (let tries = 0; tries < 300; tries += 1) {
        const report = await ask('report');
        if (report.closed >= order.count) return report;
        await setTimeout(100);
      }
      throw new Error(`never closed: ${JSON.stringify(await ask('report'))}`);
    },
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
