/** A limit of CPU time for one piece of work, in milliseconds. `cpuMs`: what its thread has used so far. */
export function createWorkLimit(limitMs: number, cpuMs: () => number) {
  let until = cpuMs() + limitMs;
  return {
    left: (): boolean => cpuMs() < until,
    /** Runs something that does not count. */
    async without<T>(aside: () => Promise<T>): Promise<T> {
      const before = cpuMs();
      try {
        return await aside();
      } finally {
        until += cpuMs() - before;
      }
    },
  };
}

/** CPU time of the calling thread since its start, in milliseconds. */
export function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
