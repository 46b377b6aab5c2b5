/**
 * What things cost, US dollars, as published. A month is 30 days, as Fly bills. Read through stored copies of the pages
 * on 2026-11-24, no live page: check them before you rely on them.
 *
 * Fly Machines: https://fly.io/docs/about/pricing/ (regions iad and ewr, the base that other regions add 4 to 60 % to;
 * text of the page in github.com/superfly/docs, about/pricing.html.markerb at 0060a90; the figures of its table by two
 * readings in public code, one of 2026-09-16). CPU quotas: https://fly.io/docs/machines/cpu-performance/ (same
 * repository at 114f181). Tigris: https://www.tigrisdata.com/docs/pricing/
 */
export const PRICES_READ = '2026-11-24';
export const SECONDS_PER_MONTH = 30 * 86_400;

export interface MachineSize {
  readonly name: string;
  readonly memoryMib: number;
  readonly dollarsPerMonth: number;
  readonly cpus: number;
  /** Of a core, for each CPU, for ever; more while a balance lasts. */
  readonly baseline: number;
  /** Seconds of CPU time, for each CPU, that can be saved up. */
  readonly mostBalance: number;
}

const shared = { baseline: 1 / 16, mostBalance: 500 };
export const MACHINES: readonly MachineSize[] = [
  { name: 'shared-cpu-1x 512 MB', memoryMib: 512, dollarsPerMonth: 3.19, cpus: 1, ...shared },
  { name: 'shared-cpu-2x 512 MB', memoryMib: 512, dollarsPerMonth: 3.89, cpus: 2, ...shared },
  { name: 'shared-cpu-2x 1 GB', memoryMib: 1024, dollarsPerMonth: 6.39, cpus: 2, ...shared },
  { name: 'shared-cpu-4x 1 GB', memoryMib: 1024, dollarsPerMonth: 7.78, cpus: 4, ...shared },
  { name: 'shared-cpu-8x 2 GB', memoryMib: 2048, dollarsPerMonth: 15.55, cpus: 8, ...shared },
  // The stored copy of the page says 10/16; a reading of October 2026 says that a performance CPU has the whole period.
  {
    ...{ name: 'performance-1x 2 GB', memoryMib: 2048, dollarsPerMonth: 31, cpus: 1 },
    ...{ baseline: 10 / 16, mostBalance: 5000 },
  },
];

/** What a new machine may spend at once (public readings of the quota page); a stopped one may keep more. */
export const FIRST_BALANCE_SECONDS = 5;
/** For each GB of a stopped machine's root file system. */
export const STOPPED_PER_GB_MONTH = 0.15;
/** Out of a machine to the internet, North America and Europe. Into it, and to and from Tigris: free. */
export const EGRESS_PER_GB = 0.02;

/** Tigris, one region, standard tier, after its free allowance, which is left out of account. Egress is free. */
export const BUCKET = { perGbMonth: 0.02, putsPerThousand: 0.005, getsPerThousand: 0.0005 } as const;

/** Root file system of the image, GB, an assumption until an image has been measured. */
export const IMAGE_GB = 0.4;
