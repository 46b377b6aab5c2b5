import { METRICS, type MetricDefinition } from '../../src/telemetry/metric-list.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';

/** The metrics of a server that has nothing to do. */
export function idleMetrics(presets: readonly string[] = ['thumb']) {
  const lookups = { entries: 0, bytes: 0, hits: 0, misses: 0 };
  return createMetrics({
    ...{ cache: { ...lookups, evictions: 0 }, decodes: lookups, flights: { size: 0 } },
    queue: { running: 0, waiting: 0, inputBytes: 0, workBytes: 0, longestStayMs: 0 },
    ...{ saves: { bytes: 0, pending: 0 }, life: { ready: true, draining: false } },
    memory: { limit: 1, cache: 1, decodes: 1, saves: 1, uploads: 1, inputs: 1, assets: 0, garbage: 0, work: 1 },
    ...{ presets, slots: 1, places: 1, version: '0.0.0-test' },
  });
}

export interface Exposed {
  readonly type: string;
  readonly help: string;
}

/** Every metric in Prometheus's text form, by name. */
export function exposed(text: string): Map<string, Exposed> {
  const helps = new Map(Array.from(text.matchAll(/^# HELP (\S+) (.*)$/gm), ([, name = '', help = '']) => [name, help]));
  return new Map(
    Array.from(text.matchAll(/^# TYPE (\S+) (\S+)$/gm), ([, name = '', type = '']) => [
      name,
      { type, help: helps.get(name) ?? '' },
    ]),
  );
}

/** Value by series, such as `darkroom_cache_lookups_total{outcome="hit"}`. */
export function seriesOf(text: string): Record<string, number> {
  return Object.fromEntries(
    Array.from(text.matchAll(/^(darkroom_\S+?(?:\{.*\})?) (\S+)$/gm), ([, series = '', value]) => [
      series,
      Number(value),
    ]),
  );
}

/** The row of docs/metrics.md for a metric of our own. */
export function documentedRow(name: string, { type, help, labels = {} }: MetricDefinition): string {
  const said = Object.entries(labels).map(
    ([label, values]) => `\`${label}\`: ${typeof values === 'string' ? values : values.join(', ')}`,
  );
  return `| \`${name}\` | ${type} | ${said.join('; ')} | ${help} |`;
}

/** The row for one that prom-client brings. */
export function defaultRow(name: string, { type, help }: Exposed): string {
  return `| \`${name}\` | ${type} | ${help} |`;
}

export const definitions: Record<string, MetricDefinition> = METRICS;
