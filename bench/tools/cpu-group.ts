import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A control group with a share of one CPU, made for one run. */
export interface CpuGroup {
  /** Where a process writes its id to enter. */
  readonly tasks: string;
  /** Periods of 100 ms in which the group had to wait for the next one. */
  throttled(): number;
  remove(): void;
}

const PERIOD_US = 100_000;

/** `share`: 0.25 for a quarter of one CPU. Needs root and a writable CPU controller, of cgroup version 1 or 2. */
export function createCpuGroup(share: number): CpuGroup {
  const name = `darkroom-bench-cpu-${process.pid}`;
  const first = existsSync('/sys/fs/cgroup/cpu');
  const folder = first ? `/sys/fs/cgroup/cpu/${name}` : `/sys/fs/cgroup/${name}`;
  // https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files
  if (!first) writeFileSync('/sys/fs/cgroup/cgroup.subtree_control', '+cpu');
  mkdirSync(folder);
  const quota = Math.round(share * PERIOD_US);
  if (first) {
    writeFileSync(join(folder, 'cpu.cfs_period_us'), String(PERIOD_US));
    writeFileSync(join(folder, 'cpu.cfs_quota_us'), String(quota));
  } else writeFileSync(join(folder, 'cpu.max'), `${quota} ${PERIOD_US}`);
  return {
    tasks: join(folder, 'cgroup.procs'),
    throttled: () =>
      Number(/^nr_throttled (\d+)/m.exec(readFileSync(join(folder, 'cpu.stat'), 'utf8'))?.[1] ?? Number.NaN),
    remove: () => rmdirSync(folder),
  };
}
