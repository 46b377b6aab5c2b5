import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { WaitReport } from '../flow/watched-queue.ts';
import type { MemoryPlan } from '../process/memory-plan.ts';
import type { RenderReport } from '../render/measured-renderer.ts';
import type { StoreReport } from '../stores/shared/measured-store.ts';
import { legacyOutcome } from './legacy-outcome.ts';
import { METRICS, type MetricDefinition, type MetricName, type Refusal } from './metric-list.ts';
import type { RequestContext } from './request-context.ts';

/** Counters, histograms and gauges of one process. Label values are few and never come from a client. */
export interface Metrics {
  observeRequest(context: RequestContext, status: number, milliseconds: number): void;
  countSave(outcome: 'saved' | 'retried' | 'lost'): void;
  countFaceLook(outcome: 'found' | 'none' | 'cut_off' | 'failed'): void;
  /** A render without its faces, or without being sure of them. */
  countProvisional(reason: 'late' | 'cut_off' | 'failed'): void;
  /** `limited`: of one that was noticed less than a purge window ago. */
  countReplacement(outcome: 'noticed' | 'limited'): void;
  countRefusal(reason: Refusal): void;
  observeWait(wait: WaitReport): void;
  observeRender(render: RenderReport): void;
  observeStoreCall(call: StoreReport): void;
  setCircuit(open: boolean): void;
  /** Prometheus text format. */
  text(): Promise<string>;
  readonly contentType: string;
}

interface Lookups {
  readonly entries: number;
  readonly bytes: number;
  readonly hits: number;
  readonly misses: number;
}

/** State of other components, read with each scrape. Bytes, numbers and milliseconds. */
export interface MetricsSources {
  readonly cache: Lookups & { readonly evictions: number };
  readonly decodes: Lookups;
  readonly queue: {
    readonly running: number;
    readonly waiting: number;
    readonly inputBytes: number;
    readonly workBytes: number;
    readonly longestStayMs: number;
  };
  readonly flights: { readonly size: number };
  readonly saves: { readonly bytes: number; readonly pending: number };
  readonly life: { readonly ready: boolean; readonly draining: boolean };
  /** Of the presets file. */
  readonly presets: readonly string[];
  readonly slots: number;
  readonly places: number;
  readonly memory: MemoryPlan;
  readonly version: string;
}

/** Counted without prom-client, whose labelled counter costs fifteen times as much: a noticeable part of a memory hit. */
interface Tally {
  readonly labels: Record<string, string | number>;
  readonly observe: (seconds: number) => void;
  count: number;
}

export function createMetrics(sources: MetricsSources): Metrics {
  const { cache, decodes, queue, flights, saves, life } = sources;
  const { limit, ...shares } = sources.memory;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'darkroom_' });
  const presets = new Set(sources.presets);

  const options = (name: MetricName) => {
    const { help, labels = {} }: MetricDefinition = METRICS[name];
    return { name, help, labelNames: Object.keys(labels), registers: [registry] };
  };
  const counter = (name: MetricName) => {
    const made = new Counter(options(name));
    // `increase()` needs a zero before the first count.
    for (const labels of combinations(METRICS[name])) made.inc(labels, 0);
    return made;
  };
  const histogram = (name: MetricName) => {
    const { buckets = [] }: MetricDefinition = METRICS[name];
    return new Histogram({ ...options(name), buckets: [...buckets] });
  };
  /** Values of other components, read with each scrape. */
  const gauge = (name: MetricName, values: () => readonly Reading[]) =>
    new Gauge({
      ...options(name),
      collect() {
        for (const [value, labels = {}] of values()) this.set(labels, value);
      },
    });
  const total = (name: MetricName, values: () => readonly Reading[]) =>
    new Counter({
      ...options(name),
      collect() {
        this.reset();
        for (const [value, labels = {}] of values()) this.inc(labels, value);
      },
    });
  const lookups = ({ hits, misses }: Lookups): Reading[] => [
    [hits, { outcome: 'hit' }],
    [misses, { outcome: 'miss' }],
  ];

  const tallies = new Map<string, Tally>();
  const latency = histogram('darkroom_request_seconds');
  const steps = histogram('darkroom_step_seconds');
  const legacyRequests = counter('darkroom_legacy_requests_total');
  const saved = counter('darkroom_saves_total');
  const looks = counter('darkroom_face_looks_total');
  const provisional = counter('darkroom_provisional_renders_total');
  const replacements = counter('darkroom_originals_replaced_total');
  const refusals = counter('darkroom_refusals_total');
  const waits = histogram('darkroom_queue_wait_seconds');
  const renders = counter('darkroom_renders_total');
  const bytesIn = counter('darkroom_render_input_bytes_total');
  const bytesOut = counter('darkroom_render_output_bytes_total');
  const storeTime = histogram('darkroom_store_seconds');
  const storeCalls = counter('darkroom_store_calls_total');
  let circuitOpen = false;
  total('darkroom_requests_total', () => Array.from(tallies.values(), ({ count, labels }) => [count, labels]));
  gauge('darkroom_flights', () => [[flights.size]]);
  gauge('darkroom_cache_bytes', () => [[cache.bytes]]);
  gauge('darkroom_cache_entries', () => [[cache.entries]]);
  total('darkroom_cache_lookups_total', () => lookups(cache));
  total('darkroom_cache_evictions_total', () => [[cache.evictions]]);
  gauge('darkroom_decodes_entries', () => [[decodes.entries]]);
  total('darkroom_decodes_lookups_total', () => lookups(decodes));
  gauge('darkroom_slots', () => [[sources.slots]]);
  gauge('darkroom_slots_running', () => [[queue.running]]);
  gauge('darkroom_queue_places', () => [[sources.places]]);
  gauge('darkroom_queue_waiting', () => [[queue.waiting]]);
  gauge('darkroom_longest_stay_seconds', () => [[queue.longestStayMs / 1000]]);
  gauge('darkroom_circuit_open', () => [[Number(circuitOpen), { store: 'results' }]]);
  gauge('darkroom_saves_pending', () => [[saves.pending]]);
  gauge('darkroom_saves_pending_bytes', () => [[saves.bytes]]);
  gauge('darkroom_ready', () => [[Number(life.ready && !life.draining)]]);
  gauge('darkroom_build_info', () => [[1, { version: sources.version, node: process.versions.node }]]);
  gauge('darkroom_memory_limit_bytes', () => byKind({ process: limit, ...shares }));
  gauge('darkroom_memory_bytes', () => {
    const { rss, heapUsed, external } = process.memoryUsage();
    const own = { cache: cache.bytes, decodes: decodes.bytes, saves: saves.bytes };
    const work = { inputs: queue.inputBytes, work: queue.workBytes };
    return byKind({ process: rss, heap: heapUsed, external, ...own, ...work });
  });

  function presetLabel({ preset = '', negotiated, outcome }: RequestContext): string {
    if (presets.has(preset)) return preset;
    // Set only after the signature was verified: forged URLs must not create series.
    return negotiated === undefined || outcome === 'unknown_preset' ? 'none' : 'inline';
  }

  function tallyOf(status: number, outcome: string, preset: string): Tally {
    const key = `${status} ${outcome} ${preset}`;
    const known = tallies.get(key);
    if (known) return known;
    const tally: Tally = {
      labels: { status, outcome, preset },
      count: 0,
      observe: latency.labels({ outcome }).observe,
    };
    tallies.set(key, tally);
    return tally;
  }

  return {
    observeRequest(context, status, milliseconds) {
      const outcome = context.outcome ?? 'other';
      const tally = tallyOf(status, outcome, presetLabel(context));
      tally.count += 1;
      tally.observe(milliseconds / 1000);
      const { legacy } = context;
      if (legacy)
        legacyRequests.inc({ scheme: legacy.scheme, outcome: legacyOutcome(legacy, status, context.outcome) });
      // The steps belong to the flight's leader; requests that waited for it carry the same timer.
      if (outcome === 'memory' || outcome === 'collapsed' || !context.timer) return;
      for (const [step, ms] of Object.entries(context.timer.durations)) steps.observe({ step }, ms / 1000);
    },
    countSave: (outcome) => saved.inc({ outcome }),
    countFaceLook: (outcome) => looks.inc({ outcome }),
    countProvisional: (reason) => provisional.inc({ reason }),
    countReplacement: (outcome) => replacements.inc({ outcome }),
    countRefusal: (reason) => refusals.inc({ reason }),
    observeWait: ({ ms, outcome }) => waits.observe({ outcome }, ms / 1000),
    observeRender({ input, output, outcome, bytes }) {
      renders.inc({ output, outcome });
      bytesIn.inc({ input }, bytes.in);
      bytesOut.inc({ output }, bytes.out);
    },
    observeStoreCall({ store, call, outcome, ms }) {
      storeTime.observe({ store, call }, ms / 1000);
      storeCalls.inc({ store, call, outcome });
    },
    setCircuit(open) {
      circuitOpen = open;
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

type Reading = readonly [value: number, labels?: Record<string, string | number>];

function byKind(bytes: Readonly<Record<string, number>>): Reading[] {
  return Object.entries(bytes).map(([kind, value]) => [value, { kind }]);
}

/** Every combination of a metric's label values, where they are known; one empty combination for a metric without labels. */
function combinations({ labels = {} }: MetricDefinition): Record<string, string>[] {
  let all: Record<string, string>[] = [{}];
  for (const [label, values] of Object.entries(labels)) {
    if (typeof values === 'string') return [];
    all = all.flatMap((known) => values.map((value: string) => ({ ...known, [label]: value })));
  }
  return all;
}
