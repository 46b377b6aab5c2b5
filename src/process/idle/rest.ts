import type { Server } from 'node:http';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { watchRequests } from './idle-exit.ts';

export interface RestOptions {
  /** Below which the health checks answer too; empty where left out. */
  readonly pathPrefix?: string;
  /** Bytes of V8's young generation that are in memory. */
  young?(): number;
  collect?(): void;
}

/** Without a request. What is left after a burst of them is garbage by then, and no request waits for the pause. */
const AFTER_MS = 10_000;
/** Below it there is little to gain for some 30 ms of CPU. */
const WORTH_BYTES = 16 * 1024 * 1024;

/**
 * Gives memory back when requests stop coming. V8 lets its young generation grow with what was live when it was last collected, up to 96 MiB
 * on a large machine, and collects it only when it is full: after the last request it stays as it is.
 */
export function collectAtRest(server: Server, options: RestOptions = {}): void {
  const { pathPrefix = '', young = youngGeneration, collect = collectGarbage } = options;
  watchRequests(server, pathPrefix, AFTER_MS, () => {
    if (young() >= WORTH_BYTES) collect();
  });
}

export function youngGeneration(): number {
  const space = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
  return space?.physical_space_size ?? 0;
}

interface Collection {
  readonly type: 'major';
  readonly flavor: 'last-resort';
}
let gc: ((how: Collection) => void) | undefined;

/** The whole heap of this thread. V8 hands pages of the young generation back as a last resort only. */
export function collectGarbage(): void {
  gc ??= garbageCollector();
  gc({ type: 'major', flavor: 'last-resort' });
}

/** V8 refuses compiled code that was kept under other flags than those of now, so this one is taken back at once. */
function garbageCollector(): (how: Collection) => void {
  setFlagsFromString('--expose-gc');
  try {
    return runInNewContext('gc') as (how: Collection) => void;
  } finally {
    setFlagsFromString('--no-expose-gc');
  }
}
