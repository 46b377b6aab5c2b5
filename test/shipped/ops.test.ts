import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { dashboardQueries } from '../helpers/dashboard.ts';
import { definitions, exposed, idleMetrics } from '../helpers/metrics.ts';
import { prometheusSkip } from '../helpers/system.ts';

const RULES = new URL('../../ops/alerts.yml', import.meta.url).pathname;
const rules = readFileSync(RULES, 'utf8');
const found = exposed(await idleMetrics().text());
/** What Prometheus itself adds. */
const ADDED = ['instance', 'job', 'le'];

/** What is wrong with a query: names, labels and values that no metric has. */
function strangersIn(expr: string): string[] {
  const strangers: string[] = [];
  const labels = new Set(ADDED);
  for (const [, written = '', selector = ''] of expr.matchAll(/\b(darkroom_\w+)(?:\{([^}]*)\})?/g)) {
    const name = written.replace(/_(bucket|sum|count)$/, '');
    const metric = found.get(name);
    if (!metric || (written !== name) !== (metric.type === 'histogram')) strangers.push(written);
    const own: Readonly<Record<string, readonly string[] | string>> = definitions[name]?.labels ?? {};
    for (const label of Object.keys(own)) labels.add(label);
    for (const [, label = '', values = ''] of selector.matchAll(/(\w+)\s*(?:=~|!=|!~|=)\s*"([^"]*)"/g)) {
      const known = own[label];
      if (!known && !ADDED.includes(label)) strangers.push(`${name}{${label}}`);
      if (Array.isArray(known))
        strangers.push(
          ...values
            .split('|')
            .filter((value) => !known.includes(value))
            .map((value) => `${label}="${value}"`),
        );
    }
  }
  for (const [, list = ''] of expr.matchAll(/\b(?:by|on|without|ignoring)\s*\(([^)]*)\)/g))
    strangers.push(
      ...list
        .split(',')
        .map((label) => label.trim())
        .filter((label) => !labels.has(label)),
    );
  return strangers;
}

/** The value of a field, folded or not, of each alert. */
const expressions = Array.from(rules.matchAll(/^ {8}expr: (?:>-\n((?: {10}.*\n)+)|(.*)\n)/gm), ([, folded, plain]) =>
  (folded ?? plain ?? '').trim(),
);

describe('the dashboard', () => {
  it('asks for metrics, labels and values that there are', () => {
    const queries = dashboardQueries();
    assert.ok(queries.length > 30);
    for (const { panel, expr } of queries) assert.deepEqual(strangersIn(expr), [], panel);
  });

  it('shows every metric of our own', () => {
    const shown = dashboardQueries()
      .map(({ expr }) => expr)
      .join(' ');
    assert.deepEqual(
      Object.keys(definitions).filter((name) => !shown.includes(name)),
      [],
    );
  });

  it('names its lines by labels that its queries keep', () => {
    for (const { panel, expr, legend } of dashboardQueries()) {
      const kept = Array.from(expr.matchAll(/\bby\s*\(([^)]*)\)/g), ([, list = '']) => list.split(/\s*,\s*/)).flat();
      const used = Array.from(legend.matchAll(/\{\{(\w+)\}\}/g), ([, label = '']) => label);
      assert.deepEqual(
        used.filter((label) => kept.length > 0 && !kept.includes(label)),
        [],
        panel,
      );
    }
  });
});

describe('the alert rules', () => {
  it('ask for metrics, labels and values that there are', () => {
    assert.equal(expressions.length, rules.match(/- alert:/g)?.length);
    for (const expr of expressions) assert.deepEqual(strangersIn(expr), [], expr);
  });

  it('say each what is wrong and what to do', () => {
    for (const part of ['summary:', 'action:', 'severity:', 'for:'])
      assert.equal(rules.match(new RegExp(`\\b${part}`, 'g'))?.length, expressions.length, part);
  });

  it('are rules to Prometheus', { skip: prometheusSkip }, async () => {
    const { stdout } = await promisify(execFile)('promtool', ['check', 'rules', RULES]);
    assert.match(stdout, new RegExp(`SUCCESS: ${expressions.length} rules found`));
  });
});

describe('this test', () => {
  it('notices names, labels and values that there are not', () => {
    assert.deepEqual(strangersIn('rate(darkroom_request_total[5m])'), ['darkroom_request_total']);
    assert.deepEqual(strangersIn('rate(darkroom_request_seconds[5m])'), ['darkroom_request_seconds']);
    assert.deepEqual(strangersIn('darkroom_flights{kind="a"}'), ['darkroom_flights{kind}']);
    assert.deepEqual(strangersIn('darkroom_refusals_total{reason=~"queue_full|rain"}'), ['reason="rain"']);
    assert.deepEqual(strangersIn('sum by (store, colour) (darkroom_circuit_open)'), ['colour']);
  });
});
