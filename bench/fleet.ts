import { quantile, seededRandom } from './tools/options.ts';
import { FIRST_BALANCE_SECONDS, type MachineSize } from './tools/prices.ts';

/**
 * A day of a fleet that scales to zero, second by second and told minute by minute. Arrivals are Poisson; work is a
 * fluid that running machines share evenly; a machine whose CPU balance is spent falls to its baseline, as Fly's do.
 */
export interface Demand {
  /** Requests to Darkroom in each minute of the day, on average. */
  readonly requestsPerMinute: readonly number[];
  /** CPU that a request takes on average, and one that is rendered: how long the one who waits for it waits at least. */
  readonly cpuMsPerRequest: number;
  readonly cpuMsPerRender: number;
  /** From the proxy's decision to the first answer. */
  readonly startMs: number;
}

export interface Minute {
  readonly requests: number;
  readonly running: number;
  /** Seconds of work that waits at its end. */
  readonly queuedSeconds: number;
  readonly p99Ms: number;
}
export interface Day {
  readonly minutes: readonly Minute[];
  readonly machineSeconds: number;
  readonly mostRunning: number;
  readonly starts: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Requests under way for each CPU from which the proxy starts another machine: `soft_limit` of fly.toml over its CPUs. */
const SOFT_LIMIT_PER_CPU = 3;
/** The proxy looks for machines to stop every few minutes, and stops one at a time. */
const STOP_EVERY_SECONDS = 300;
const MOST_MACHINES = 100;

interface Machine {
  balance: number;
  readyAt: number;
}

/** `least`: machines that are never stopped (`min_machines_running`), which saves up CPU balance for a sale. */
export function simulateDay(size: MachineSize, least: number, demand: Demand, seed: number): Day {
  const random = seededRandom(seed);
  const service = demand.cpuMsPerRender / 1000;
  const work = demand.cpuMsPerRequest / 1000;
  const throttled = size.cpus * size.baseline;
  const machines: Machine[] = [];
  const minutes: Minute[] = [];
  const waits: number[] = [];
  let [queue, machineSeconds, starts, mostRunning, lastStop, busyShare] = [0, 0, 0, 0, 0, 0];

  const start = (now: number) => {
    if (machines.length >= MOST_MACHINES) return;
    starts += 1;
    machines.push({ balance: FIRST_BALANCE_SECONDS * size.cpus, readyAt: now + demand.startMs / 1000 });
  };

  // One day to warm up, one that counts.
  for (let minute = 0; minute < 2 * demand.requestsPerMinute.length; minute += 1) {
    const counts = minute >= demand.requestsPerMinute.length;
    const perSecond = (demand.requestsPerMinute[minute % demand.requestsPerMinute.length] ?? 0) / 60;
    const inMinute: number[] = [];
    for (let second = 0; second < 60; second += 1) {
      const now = minute * 60 + second;
      const arrivals = poisson(perSecond, random);
      if (arrivals > 0 && machines.length === 0) start(now);
      let [ready, capacity, firstReady] = [0, 0, Number.POSITIVE_INFINITY];
      for (const { balance, readyAt } of machines) {
        firstReady = Math.min(firstReady, readyAt);
        if (readyAt > now) continue;
        ready += 1;
        capacity += balance > 0 ? size.cpus : throttled;
      }
      const untilReady = ready > 0 ? 0 : Math.max(0, firstReady - now);
      // One request runs on one CPU; a machine without balance runs all of its CPUs at their baseline.
      const pace = ready > 0 ? Math.min(1, capacity / ready) : 1;
      const moments = Array.from({ length: arrivals }, random).sort((a, b) => a - b);
      for (const [before, moment] of moments.entries()) {
        const ahead = Math.max(0, queue + before * work - capacity * moment);
        inMinute.push((untilReady + ahead / Math.max(capacity, size.baseline) + service / pace) * 1000);
      }
      queue += arrivals * work;

      const done = Math.min(queue, capacity);
      queue -= done;
      for (const machine of machines) {
        if (machine.readyAt > now) continue;
        const speed = machine.balance > 0 ? size.cpus : throttled;
        const saved = machine.balance + throttled - (capacity > 0 ? (done * speed) / capacity : 0);
        machine.balance = Math.max(0, Math.min(size.mostBalance * size.cpus, saved));
      }
      if (counts) machineSeconds += machines.length;

      const underWay = queue / work + perSecond * (service / pace);
      busyShare = 0.99 * busyShare + 0.01 * (perSecond * work);
      const limit = SOFT_LIMIT_PER_CPU * size.cpus;
      // One a second at most; those that still start count as if they helped.
      if (underWay > limit * machines.length || machines.length < least) start(now);
      if (now - lastStop >= STOP_EVERY_SECONDS) {
        lastStop = now;
        const rest = machines.length - 1;
        const idle = perSecond === 0 && queue === 0;
        const enough = busyShare < 0.8 * rest * throttled && underWay < limit * rest;
        // The one with the least left to spend goes.
        if (rest >= least && (idle || (rest > 0 && enough)))
          machines.splice(machines.indexOf(machines.toSorted((a, b) => a.balance - b.balance)[0] as Machine), 1);
      }
    }
    if (!counts) continue;
    mostRunning = Math.max(mostRunning, machines.length);
    waits.push(...inMinute);
    const p99Ms = inMinute.length > 0 ? quantile(inMinute, 0.99) : 0;
    minutes.push({ requests: inMinute.length, running: machines.length, queuedSeconds: queue, p99Ms });
  }
  const [p50Ms, p99Ms] = [quantile(waits, 0.5), quantile(waits, 0.99)];
  return { minutes, machineSeconds, mostRunning, starts, p50Ms, p99Ms };
}

/** Knuth's way; means here are small, and large ones are summed of smaller ones. */
function poisson(mean: number, random: () => number): number {
  if (mean > 30) return poisson(30, random) + poisson(mean - 30, random);
  const least = Math.exp(-mean);
  let count = -1;
  for (let product = 1; product > least; count += 1) product *= random();
  return count;
}

const MINUTES = 1440;

/** Views in each minute: low at night, high in the evening, and a share of the day's views in one flash sale. */
export function dayOfViews(
  views: number,
  sale: { readonly share: number; readonly at: number; readonly minutes: number },
): number[] {
  const curve = Array.from(
    { length: MINUTES },
    (_, at) => 1 - 0.75 * Math.cos(((at - 4 * 60) / MINUTES) * 2 * Math.PI),
  );
  const sum = curve.reduce((a, b) => a + b, 0);
  return curve.map((weight, at) => {
    const selling = at >= sale.at && at < sale.at + sale.minutes;
    return views * (((1 - sale.share) * weight) / sum + (selling ? sale.share / sale.minutes : 0));
  });
}
