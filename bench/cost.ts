/**
 * What a marketplace's traffic costs a month on Fly Machines that scale to zero: 500,000 new images and 5,000,000 views
 * a day, 97 % of them answered by the CDN. CPU and bytes come from the results of the other benches, prices from
 * bench/tools/prices.ts; a day with a flash sale is simulated (bench/fleet.ts).
 *
 *   node bench/cost.ts [--results bench/results] [--seed 1] [--out bench/results]
 */

import { type Day, type Demand, dayOfViews, simulateDay } from './fleet.ts';
import { benchOptions } from './tools/options.ts';
import {
  BUCKET,
  EGRESS_PER_GB,
  IMAGE_GB,
  MACHINES,
  type MachineSize,
  PRICES_READ,
  SECONDS_PER_MONTH,
  STOPPED_PER_GB_MONTH,
} from './tools/prices.ts';
import { latestReport, markdownTable, writeReport } from './tools/report.ts';

const values = benchOptions({ results: '', seed: '1' });
const from = values.results || values.out;

const DAYS = 30;
const IMAGES_A_DAY = 500_000;
const VIEWS_A_DAY = 5_000_000;
const CDN_HITS = 0.97;
/** Half an hour at eight in the evening, with eight times what comes then anyway. */
const SALE = { share: 0.15, at: 20 * 60, minutes: 30 };
/** Fly boots a machine in about this, before our process starts; an assumption, not measured here. */
const BOOT_MS = 500;
/** Misses may wait this long at the 99th percentile, else a size of machine is none that one would choose. */
const MOST_P99_MS = 2000;
/** And when the CPU is so much dearer than measured: a fleet just short of throttling is none either. */
const HEADROOM = 1.25;
/** Results expire in the bucket after so many days: they are safe to lose. */
const KEPT_DAYS = 30;
/** What the peak of the mixed bench may take of a machine's memory. */
const MOST_OF_MEMORY = 0.9;
/** Machines that never stop: none, or some, whose CPU balance grows until the sale. */
const LEAST_RUNNING = [0, 2];
const MARK_DOLLARS = 30;
const GB = 1e9;

interface Mixed {
  readonly requests: number;
  readonly cpuMsPerRequest: number;
  readonly cpuMsPerRender: number;
  readonly bytesPerRequest: number;
  readonly outcomes: readonly { readonly outcome: string; readonly share: number }[];
  readonly kept: { readonly renditions: number; readonly renditionBytes: number; others: number; otherBytes: number };
  readonly peakRss: number;
}
const mixed = latestReport<Mixed>(from, 'mixed');
const start = latestReport<{ ms: Record<string, number> }>(from, 'start');
const family = latestReport<Record<string, { cpuMsPerPhoto: number; bytesPerPhoto: number }>>(from, 'family');
const share = (outcome: string) => mixed.outcomes.find((one) => one.outcome === outcome)?.share ?? 0;

interface Assumptions {
  readonly cdnHits: number;
  readonly cpu: number;
  /** Of the requests that reach Darkroom, those that are rendered; the rest comes from memory or the store. */
  readonly rendered: number;
  readonly keepsResults: boolean;
}
const MEASURED: Assumptions = { cdnHits: CDN_HITS, cpu: 1, rendered: share('render'), keepsResults: true };

interface Fleet {
  readonly size: MachineSize;
  readonly least: number;
}
interface Sheet extends Fleet {
  readonly day: Day;
  /** With `HEADROOM` or without, whichever is longer: more work can start more machines. */
  readonly dearerP99Ms: number;
  readonly lines: Readonly<Record<string, number>>;
  readonly machines: number;
  readonly total: number;
}

function demandOf({ cdnHits, cpu, rendered, keepsResults }: Assumptions): Demand {
  const renders = keepsResults ? rendered : rendered + share('store');
  // A hit costs next to nothing beside a render.
  const cpuMsPerRequest = mixed.cpuMsPerRender * cpu * renders;
  return {
    requestsPerMinute: dayOfViews(VIEWS_A_DAY, SALE).map((views) => views * (1 - cdnHits)),
    ...{ cpuMsPerRequest, cpuMsPerRender: mixed.cpuMsPerRender * cpu },
    startMs: BOOT_MS + (start.ms['Darkroom, bundle, cold render'] ?? 0) * cpu,
  };
}

const days = new Map<string, Day>();

/** Memory changes nothing in a simulated day. */
function dayOf({ size, least }: Fleet, assumptions: Assumptions): Day {
  const key = JSON.stringify([size.cpus, size.baseline, least, assumptions]);
  const day = days.get(key) ?? simulateDay(size, least, demandOf(assumptions), Number(values.seed));
  days.set(key, day);
  return day;
}

function sheetOf({ size, least }: Fleet, assumptions: Assumptions): Sheet {
  const day = dayOf({ size, least }, assumptions);
  const dearer = dayOf({ size, least }, { ...assumptions, cpu: assumptions.cpu * HEADROOM });
  const dearerP99Ms = Math.max(day.p99Ms, dearer.p99Ms);
  const running = (day.machineSeconds * DAYS) / SECONDS_PER_MONTH;
  const requests = VIEWS_A_DAY * (1 - assumptions.cdnHits) * DAYS;
  const { keepsResults, rendered } = assumptions;
  const renders = requests * (keepsResults ? rendered : rendered + share('store'));
  const { kept } = mixed;
  const measuredRenders = mixed.requests * share('render');
  const lines = {
    'Machines, running': running * size.dollarsPerMonth,
    'Machines, stopped': (day.mostRunning - running) * IMAGE_GB * STOPPED_PER_GB_MONTH,
    'egress to the CDN': ((requests * mixed.bytesPerRequest) / GB) * EGRESS_PER_GB,
    'bucket, PUT': keepsResults
      ? ((renders * (kept.renditions + kept.others)) / measuredRenders / 1000) * BUCKET.putsPerThousand
      : 0,
    // A lookup for each request, and for each render its original and what is known of it.
    'bucket, GET':
      ((keepsResults ? requests * (1 - share('memory')) + 2 * renders : renders) / 1000) * BUCKET.getsPerThousand,
    'bucket, results kept': keepsResults
      ? ((((renders * (kept.renditionBytes + kept.otherBytes)) / measuredRenders / GB) * KEPT_DAYS) / DAYS) *
        BUCKET.perGbMonth
      : 0,
  };
  const total = Object.values(lines).reduce((sum, dollars) => sum + dollars, 0);
  return {
    size,
    least,
    day,
    dearerP99Ms,
    lines,
    machines: lines['Machines, running'] + lines['Machines, stopped'],
    total,
  };
}

/** The cheapest fleet on which nobody waits too long; without one, that on which they wait least. */
function cheapestOf(sheets: readonly Sheet[]): Sheet {
  const fast = sheets.filter(({ dearerP99Ms }) => dearerP99Ms <= MOST_P99_MS).toSorted((a, b) => a.total - b.total);
  return (fast[0] ?? sheets.toSorted((a, b) => a.dearerP99Ms - b.dearerP99Ms)[0]) as Sheet;
}

/** The same prices for a pipeline that makes six sizes of every new image, with sharp's defaults, as they come in. */
function precomputed(): Readonly<Record<string, number>> {
  const { cpuMsPerPhoto = 0, bytesPerPhoto = 0 } = family['six naive pipelines'] ?? {};
  const cores = (IMAGES_A_DAY * cpuMsPerPhoto) / 1000 / 86_400;
  const dollarsPerCore = Math.min(...MACHINES.map((size) => size.dollarsPerMonth / (size.cpus * size.baseline)));
  const images = IMAGES_A_DAY * DAYS;
  return {
    'Machines, running': cores * dollarsPerCore,
    'Machines, stopped': 0,
    'egress to the CDN': 0,
    'bucket, PUT': ((images * 6) / 1000) * BUCKET.putsPerThousand,
    'bucket, GET': ((images + VIEWS_A_DAY * (1 - CDN_HITS) * DAYS) / 1000) * BUCKET.getsPerThousand,
    'bucket, results kept': ((images * bytesPerPhoto) / GB) * BUCKET.perGbMonth,
  };
}

const dollars = (amount: number) => `$${amount.toFixed(2)}`;
const large = MACHINES.filter(({ memoryMib }) => memoryMib * 1024 ** 2 * MOST_OF_MEMORY >= mixed.peakRss);
const fleets = large.flatMap((size) => LEAST_RUNNING.map((least) => ({ size, least })));
const all = fleets.map((fleet) => sheetOf(fleet, MEASURED));
const chosen = cheapestOf(all);
const pipeline = precomputed();
const pipelineTotal = Object.values(pipeline).reduce((sum, one) => sum + one, 0);

const SENSITIVITY: Record<string, Partial<Assumptions>> = {
  'as measured': {},
  'CPU twice as dear': { cpu: 2 },
  'CDN hits 95 %': { cdnHits: 0.95 },
  both: { cpu: 2, cdnHits: 0.95 },
  'every request a render': { rendered: 1 },
  'results kept nowhere (DARKROOM_RESULTS=none), a render as dear as measured': { keepsResults: false },
};
const sensitivity = Object.entries(SENSITIVITY).map(([what, change]) => {
  const sheet = cheapestOf(fleets.map((fleet) => sheetOf(fleet, { ...MEASURED, ...change })));
  return {
    ...{ what, fleet: `${sheet.size.name}, at least ${sheet.least}`, p99Ms: sheet.day.p99Ms },
    ...{ machines: sheet.machines, total: sheet.total },
  };
});

const sheetRows = [
  ...Object.entries(chosen.lines).map(([line, amount]) => [line, dollars(amount), dollars(pipeline[line] ?? 0)]),
  ['**together**', `**${dollars(chosen.total)}**`, `**${dollars(pipelineTotal)}**`],
];
const sizeRows = all.map(({ size, least, day, dearerP99Ms, machines, total }) => [
  size.name,
  least,
  (day.machineSeconds / 86_400).toFixed(2),
  day.mostRunning,
  day.starts,
  day.p50Ms.toFixed(0),
  day.p99Ms.toFixed(0),
  dearerP99Ms.toFixed(0),
  dollars(machines),
  dollars(total),
]);
const hourly = Array.from({ length: 24 }, (_, hour) => {
  const minutes = chosen.day.minutes.slice(hour * 60, hour * 60 + 60);
  const most = (read: (minute: (typeof minutes)[number]) => number) => Math.max(...minutes.map(read));
  const requests = minutes.reduce((sum, minute) => sum + minute.requests, 0);
  const mean = minutes.reduce((sum, { running }) => sum + running, 0) / 60;
  return [
    `${hour}:00`,
    requests,
    mean.toFixed(1),
    most(({ running }) => running),
    most(({ queuedSeconds }) => queuedSeconds).toFixed(1),
    most(({ p99Ms }) => p99Ms).toFixed(0),
  ];
});
const facts = [
  [
    'CPU of a request that reaches Darkroom, of a render, ms',
    `${mixed.cpuMsPerRequest.toFixed(1)}, ${mixed.cpuMsPerRender.toFixed(1)}`,
  ],
  ['KiB an answer', (mixed.bytesPerRequest / 1024).toFixed(1)],
  [
    'of those requests rendered, from the store, from memory',
    ['render', 'store', 'memory'].map((one) => `${(share(one) * 100).toFixed(0)} %`).join(', '),
  ],
  [
    'objects kept for each render',
    ((mixed.kept.renditions + mixed.kept.others) / (mixed.requests * share('render'))).toFixed(2),
  ],
  ['start of a machine until its first render is out, ms', demandOf(MEASURED).startMs.toFixed(0)],
  ['six naive pipelines, CPU ms a photo', (family['six naive pipelines']?.cpuMsPerPhoto ?? 0).toFixed(0)],
];
const text = [
  `${IMAGES_A_DAY.toLocaleString('en')} new images and ${VIEWS_A_DAY.toLocaleString('en')} views a day, ${CDN_HITS * 100} % answered by the CDN; ${SALE.share * 100} % of the views in ${SALE.minutes} minutes of flash sale. A month is ${DAYS} days; prices read ${PRICES_READ}, sources in bench/tools/prices.ts; results expire after ${KEPT_DAYS} days; the originals themselves, the CDN's own bill and free allowances are left out on both sides. CPU seconds are this machine's.`,
  markdownTable(['measured', 'figure'], facts),
  `## The sheet: ${chosen.size.name}, at least ${chosen.least} running\n\nBeside it a pipeline that makes six sizes of every new image, at the same prices, on the cheapest CPU and never idle: its machines are what such a pipeline is known for ($150), its bucket comes on top.\n\n${markdownTable(['a month', 'Darkroom', 'precomputed'], sheetRows)}`,
  `Mark: at most $${MARK_DOLLARS}. Machines ${dollars(chosen.machines)}: ${chosen.machines <= MARK_DOLLARS ? 'reached' : 'not reached'}. Everything ${dollars(chosen.total)}: ${chosen.total <= MARK_DOLLARS ? 'reached' : 'not reached'}.`,
  `## If things are otherwise\n\n${markdownTable(
    ['what', 'cheapest fleet', 'p99 ms of a miss', 'machines', 'everything'],
    sensitivity.map((one) => [one.what, one.fleet, one.p99Ms.toFixed(0), dollars(one.machines), dollars(one.total)]),
  )}`,
  `## Fleets\n\nThe cheapest is chosen whose p99 is at most ${MOST_P99_MS} ms, also when CPU is ${HEADROOM} times as dear.\n\n${markdownTable(['size', 'never stopped', 'running on average', 'at most', 'starts a day', 'p50 ms', 'p99 ms', 'p99 with dearer CPU too', 'machines', 'everything'], sizeRows)}`,
  `## The day, hour by hour (simulated by the second, kept by the minute in the JSON)\n\n${markdownTable(['hour', 'requests', 'running', 'at most', 'longest queue, CPU s', 'worst minute, p99 ms'], hourly)}`,
].join('\n\n');
writeReport(values.out, 'cost', text, {
  ...{
    machines: chosen.machines,
    total: chosen.total,
    size: chosen.size.name,
    least: chosen.least,
    lines: chosen.lines,
    pipeline,
  },
  ...{ sensitivity, p99Ms: chosen.day.p99Ms },
  minutes: chosen.day.minutes.map(({ requests, running, queuedSeconds, p99Ms }) => [
    requests,
    running,
    Math.round(queuedSeconds * 10) / 10,
    Math.round(p99Ms),
  ]),
});
