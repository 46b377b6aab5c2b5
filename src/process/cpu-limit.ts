import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';

/** Where Linux shows the cgroups of this process; tests put folders of their own here. */
export interface CgroupFiles {
  /** The list of the process's cgroups, one a line. */
  readonly membership: string;
  /** Where the hierarchies are mounted. */
  readonly mount: string;
}

const OF_THIS_PROCESS: CgroupFiles = { membership: '/proc/self/cgroup', mount: '/sys/fs/cgroup' };

/**
 * CPUs that this process may use, at least 1: those it may run on, or fewer where a cgroup allows less time. A part of a CPU
 * counts for nothing, because a process over its time is stopped as a whole, event loop included.
 */
export function usableCpus(files = OF_THIS_PROCESS, present = availableParallelism()): number {
  return Math.max(1, Math.min(present, Math.floor(allowedCpus(files))));
}

/**
 * Node's own count follows cgroup v2, but v1 only where `cpu` is mounted together with `cpuacct`.
 * https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files, https://docs.kernel.org/scheduler/sched-bwc.html
 */
function allowedCpus({ membership, mount }: CgroupFiles): number {
  let allowed = Number.POSITIVE_INFINITY;
  for (const line of (contentOf(membership) ?? '').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    if (controllers === '') allowed = Math.min(allowed, smallest(mount, path, readV2));
    else if (controllers?.split(',').includes('cpu')) {
      allowed = Math.min(allowed, smallest(join(mount, controllers), path, readV1));
    }
  }
  return allowed;
}

/** Each group on the way up may be the narrowest. In a container the path may be the host's: then the top is our own. */
function smallest(top: string, path: string, read: (folder: string) => number): number {
  const above = path === '/' ? Number.POSITIVE_INFINITY : smallest(top, dirname(path), read);
  return Math.min(above, read(join(top, path)));
}

function readV2(folder: string): number {
  const [quota, period] = contentOf(join(folder, 'cpu.max'))?.split(' ') ?? [];
  return share(quota, period);
}

function readV1(folder: string): number {
  return share(contentOf(join(folder, 'cpu.cfs_quota_us')), contentOf(join(folder, 'cpu.cfs_period_us')));
}

/** `max` and -1 mean no limit, as does what cannot be read. */
function share(quota: string | undefined, period: string | undefined): number {
  const cpus = Number(quota) / Number(period);
  return cpus > 0 ? cpus : Number.POSITIVE_INFINITY;
}

function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
