import type { ErrorCode } from '../errors.ts';
import { LEGACY_OUTCOMES } from './legacy-outcome.ts';
import { STEPS } from './step-timer.ts';

/** Each metric with its type, its meaning and every value that each label may have. docs/metrics.md is made of it. */
export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** Values never come from a client. A text describes those that follow from the configuration or the version. */
  readonly labels?: Readonly<Record<string, readonly string[] | string>>;
  readonly buckets?: readonly number[];
}

const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

// Checked against the contract's codes, so that a new one cannot be forgotten.
const ERROR_CODES = Object.keys({
  ...{ bad_request: 1, unauthorized: 1, forbidden: 1, bad_signature: 1, not_found: 1, unknown_preset: 1 },
  ...{
    original_not_found: 1,
    method_not_allowed: 1,
    upload_under_way: 1,
    already_exists: 1,
    changed_meanwhile: 1,
    expired: 1,
    original_too_large: 1,
  },
  ...{
    original_unreadable: 1,
    internal: 1,
    store_failed: 1,
    busy: 1,
    render_timeout: 1,
    draining: 1,
    store_timeout: 1,
  },
} satisfies Record<ErrorCode, 1>);
const ANSWERS = [
  'memory',
  'store',
  'render',
  'collapsed',
  'nearest',
  'not_modified',
  'redirected',
  'client_left',
] as const;
const OUTCOMES = [...ANSWERS, ...ERROR_CODES, 'other'];
const STORES = ['originals', 'results'] as const;
const CALLS = ['get', 'head', 'list', 'put', 'delete', 'delete_all'] as const;
const CALL_OUTCOMES = ['ok', 'missing', 'failed', 'timeout', 'too_large', 'aborted'] as const;
const REFUSALS = ['queue_full', 'wait_timeout', 'input_memory', 'work_memory', 'draining'] as const;
const WAITS = ['served', 'refused', 'left'] as const;
const FORMATS = ['jpeg', 'png', 'webp', 'avif', 'gif', 'jxl'] as const;
const RENDER_OUTCOMES = ['ok', 'refused', 'failed'] as const;
const MEMORY = ['process', 'heap', 'external', 'cache', 'decodes', 'saves', 'inputs', 'work'] as const;

export type Refusal = (typeof REFUSALS)[number];

const counter = (help: string, labels?: MetricDefinition['labels']): MetricDefinition => ({
  ...{ type: 'counter', help },
  ...(labels ? { labels } : {}),
});
const gauge = (help: string, labels?: MetricDefinition['labels']): MetricDefinition => ({
  ...counter(help, labels),
  type: 'gauge',
});
const seconds = (help: string, labels?: MetricDefinition['labels']): MetricDefinition => ({
  ...{ ...counter(help, labels), type: 'histogram', buckets: SECONDS },
});

export const METRICS = {
  darkroom_requests_total: counter('Answers, of every route', {
    status: 'the HTTP status; it follows from the outcome but for `other`',
    outcome: OUTCOMES,
    preset: 'a name from the presets file, `inline`, or `none` for everything else',
  }),
  darkroom_legacy_requests_total: counter(
    'Answers to URLs of another server (DARKROOM_LEGACY), which a shop is moving away from',
    {
      scheme: ['imgproxy', 'thumbor', 'cloudinary'],
      outcome: LEGACY_OUTCOMES,
    },
  ),
  darkroom_request_seconds: seconds('Time from the request to its answer', { outcome: OUTCOMES }),
  darkroom_step_seconds: seconds('Time that one flight spent in a step, counted once however many waited for it', {
    step: STEPS,
  }),
  darkroom_flights: gauge('Renditions that are being looked up or made'),
  darkroom_cache_bytes: gauge('Bytes of renditions in memory'),
  darkroom_cache_entries: gauge('Renditions in memory'),
  darkroom_cache_lookups_total: counter('Lookups in memory', { outcome: ['hit', 'miss'] }),
  darkroom_cache_evictions_total: counter('Renditions dropped from memory to make room'),
  darkroom_decodes_entries: gauge('Decoded originals in memory'),
  darkroom_decodes_lookups_total: counter('Lookups among the decoded originals', { outcome: ['hit', 'miss'] }),
  darkroom_slots: gauge('Renders that may run at the same time'),
  darkroom_slots_running: gauge('Renders under way'),
  darkroom_queue_places: gauge('Renders that may wait'),
  darkroom_queue_waiting: gauge('Renders that were admitted and have no slot yet'),
  darkroom_queue_wait_seconds: seconds('Time that a job waited, both waits together', { outcome: WAITS }),
  darkroom_longest_stay_seconds: gauge('Age of the job that has held its input longest; 0 when there is none'),
  darkroom_refusals_total: counter('Work that was refused', { reason: REFUSALS }),
  darkroom_renders_total: counter('Renders', { output: FORMATS, outcome: RENDER_OUTCOMES }),
  darkroom_render_input_bytes_total: counter('Bytes of the pictures that renders began with', {
    input: [...FORMATS, 'decoded'],
  }),
  darkroom_render_output_bytes_total: counter('Bytes of finished renditions', { output: FORMATS }),
  darkroom_face_looks_total: counter('Originals that were looked at for faces', {
    outcome: ['found', 'none', 'cut_off', 'failed'],
  }),
  darkroom_provisional_renders_total: counter(
    'Cover crops made before the faces of their original were surely known; `late` at most once an original and machine',
    { reason: ['late', 'cut_off', 'failed'] },
  ),
  darkroom_originals_replaced_total: counter('Originals whose bytes were found to be others than recorded', {
    outcome: ['noticed', 'limited'],
  }),
  darkroom_store_seconds: seconds('Time of one call to a store, adapter and network', { store: STORES, call: CALLS }),
  darkroom_store_calls_total: counter('Calls to a store', { store: STORES, call: CALLS, outcome: CALL_OUTCOMES }),
  darkroom_circuit_open: gauge('1 while a store is left alone because it failed too often', { store: ['results'] }),
  darkroom_saves_total: counter('Saves to the result store; a retry is counted beside what becomes of the save', {
    outcome: ['saved', 'retried', 'lost'],
  }),
  darkroom_saves_pending: gauge('Saves waiting or under way'),
  darkroom_saves_pending_bytes: gauge('Bytes of saves waiting or under way'),
  darkroom_memory_bytes: gauge('Memory by kind; `process` is all of it (RSS), and the kinds overlap', { kind: MEMORY }),
  darkroom_memory_limit_bytes: gauge('What the memory plan allows', {
    kind: ['process', 'cache', 'decodes', 'saves', 'uploads', 'inputs', 'work'],
  }),
  darkroom_ready: gauge('1 while /ready says yes'),
  darkroom_build_info: gauge('Always 1', { version: 'of Darkroom', node: 'version of Node' }),
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof METRICS;
