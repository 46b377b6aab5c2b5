import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Visit } from './serve-image.ts';

/** What is counted. Label values are few and never come from a client. */
export interface Metrics {
  observeRequest(visit: Visit, status: number, milliseconds: number): void;
  countSave(outcome: 'saved' | 'retried' | 'lost'): void;
  countFaceLook(outcome: 'found' | 'none' | 'failed'): void;
  /** Prometheus text format. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** Read when somebody scrapes. */
export interface MetricsSources {
  readonly cache: { readonly bytes: number; readonly entries: number };
  readonly queue: { readonly running: number; readonly waiting: number };
  readonly flights: { readonly size: number };
  readonly saves: { readonly bytes: number; readonly pending: number };
}

const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function createMetrics(sources: MetricsSources): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, prefix: 'darkroom_' });

  const requests = new Counter({
    name: 'darkroom_requests_total',
    help: 'Answers by status and outcome',
    labelNames: ['status', 'outcome'],
    registers,
  });
  const latency = new Histogram({
    name: 'darkroom_request_seconds',
    help: 'Time to answer by outcome',
    labelNames: ['outcome'],
    buckets: SECONDS,
    registers,
  });
  const steps = new Histogram({
    name: 'darkroom_step_seconds',
    help: 'Time of one step of a flight',
    labelNames: ['step'],
    buckets: SECONDS,
    registers,
  });
  const saves = new Counter({
    name: 'darkroom_saves_total',
    help: 'Saves to the result store by outcome',
    labelNames: ['outcome'],
    registers,
  });
  const faceLooks = new Counter({
    name: 'darkroom_face_looks_total',
    help: 'Originals that were looked at for faces, by outcome',
    labelNames: ['outcome'],
    registers,
  });
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge('darkroom_cache_bytes', 'Bytes of renditions in memory', () => sources.cache.bytes);
  gauge('darkroom_cache_entries', 'Renditions in memory', () => sources.cache.entries);
  gauge('darkroom_slots_running', 'Renders under way', () => sources.queue.running);
  gauge('darkroom_queue_waiting', 'Renders waiting for a slot', () => sources.queue.waiting);
  gauge('darkroom_flights', 'Renditions being looked up or made', () => sources.flights.size);
  gauge('darkroom_saves_pending', 'Saves waiting or under way', () => sources.saves.pending);
  gauge('darkroom_saves_pending_bytes', 'Bytes of saves waiting or under way', () => sources.saves.bytes);

  return {
    observeRequest(visit, status, milliseconds) {
      const outcome = visit.outcome ?? 'other';
      requests.inc({ status, outcome });
      latency.observe({ outcome }, milliseconds / 1000);
      for (const [step, ms] of Object.entries(visit.timer?.durations ?? {})) steps.observe({ step }, ms / 1000);
    },
    countSave: (outcome) => saves.inc({ outcome }),
    countFaceLook: (outcome) => faceLooks.inc({ outcome }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
