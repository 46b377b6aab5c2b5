/** What happens to machines while pictures are taken down. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Cut } from './takedown-judge.ts';
import type { Machine, World } from './takedown-world.ts';

export interface TroubleOptions {
  readonly world: World;
  readonly windowMs: number;
  readonly graceMs: number;
  /** Filled: when the third machine was cut off. */
  readonly cuts: Cut[];
  /** Filled: machines that may not answer now. */
  readonly away: Set<Machine>;
}

export type Trouble = readonly [name: string, work: () => Promise<void>];

const LEFT_ALONE = '"the result store is left alone for a while';
const BACK = '"the result store is back"';
/** The circuit breaker asks once a second, for two seconds at most. */
const BACK_LIMIT_MS = 10_000;
const WAKE_MS = 500;

export function createTroubles({ world, windowMs, graceMs, cuts, away }: TroubleOptions) {
  const [first, second, third] = world.machines as [Machine, Machine, Machine];
  const isLeftAlone = (log: string) => log.lastIndexOf(LEFT_ALONE) > log.lastIndexOf(BACK);

  async function suspend(machine: Machine, jump: boolean, ms = 3 * windowMs): Promise<void> {
    away.add(machine);
    process.kill(machine.pid, 'SIGSTOP');
    if (jump) process.kill(machine.pid, 'SIGUSR2');
    await delay(ms);
    process.kill(machine.pid, 'SIGCONT');
    await delay(WAKE_MS);
    away.delete(machine);
  }

  async function cutOff(ms: number, fault: 'reset' | 'silence'): Promise<void> {
    away.add(third);
    const never = Number.POSITIVE_INFINITY;
    const cut = { machine: third.name, from: Date.now(), joined: never, to: never };
    cuts.push(cut);
    world.stores.cutOff?.(fault);
    await delay(ms);
    world.stores.cutOff?.(undefined);
    cut.joined = Date.now();
    // Its own log says when it asks the store again; until then it is not called, because that would fail.
    while (Date.now() < cut.joined + BACK_LIMIT_MS && isLeftAlone(third.log())) await delay(250);
    cut.to = Date.now();
    away.delete(third);
  }

  const suspends: Trouble[] = [
    ['suspended', () => suspend(first, false)],
    ['suspended for a minute', () => suspend(third, false, 60_000)],
    ['suspended', () => suspend(second, false)],
  ];
  const cutOffs: Trouble[] = [
    ['cut off, back within the grace', () => cutOff(graceMs * 0.6, 'reset')],
    ['cut off for longer than the grace', () => cutOff(graceMs * 1.6, 'reset')],
    ['cut off for longer than the grace, without a word', () => cutOff(graceMs * 1.6, 'silence')],
  ];
  return {
    rounds: suspends.flatMap((one, at) => [one, ...(world.stores.cutOff ? cutOffs.slice(at, at + 1) : [])]),
    /** From then on the clock of the first machine is never right again. */
    jump: ['suspended, woken with another time', () => suspend(first, true)] as Trouble,
  };
}
