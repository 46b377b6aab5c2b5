import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { dashboardQueries } from '../helpers/dashboard.ts';
import { astronaut } from '../helpers/faces.ts';
import { behaviours, startOriginServer } from '../helpers/origin-server.ts';
import { startServer, type TestServer } from '../helpers/server.ts';
import { prometheusSkip } from '../helpers/system.ts';
import { closedPort } from '../helpers/tcp-faults.ts';

/** For every wait here; a run takes a fraction of it. */
const LIMIT_MS = 100_000;
const RULES = new URL('../../ops/alerts.yml', import.meta.url).pathname;

/** Debian's Prometheus on loopback, scraping one target every second. */
async function startPrometheus(target: string) {
  const folder = await mkdtemp(join(tmpdir(), 'prometheus-'));
  const config = join(folder, 'prometheus.yml');
  await writeFile(
    config,
    JSON.stringify({
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [RULES],
      scrape_configs: [{ job_name: 'darkroom', static_configs: [{ targets: [target] }] }],
    }),
  );
  const port = await closedPort();
  const args = [`--config.file=${config}`, `--storage.tsdb.path=${join(folder, 'data')}`];
  const child = spawn('prometheus', [...args, `--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const ask = async (path: string, query: Record<string, string> = {}) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}?${new URLSearchParams(query)}`);
    return (await response.json()) as { status: string; data: Answer };
  };
  return {
    ask,
    async dispose() {
      child.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Answer {
  readonly result?: { readonly value: [number, string] }[];
  readonly activeTargets?: { readonly health: string }[];
  readonly groups?: { readonly rules: { readonly health: string; readonly name: string }[] }[];
}

async function eventually(happens: () => Promise<boolean>, what: () => string): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (!(await happens().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`never happened: ${what()}`);
    await delay(200);
  }
}

describe('Prometheus', { skip: prometheusSkip }, () => {
  let server: TestServer;
  let prometheus: Awaited<ReturnType<typeof startPrometheus>>;
  let origin: Awaited<ReturnType<typeof startOriginServer>>;
  let round = 0;

  before(async () => {
    origin = await startOriginServer();
    origin.seed('astronaut.jpg', astronaut);
    origin.script('broken.jpg', behaviours.says(500));
    server = await startServer({
      ...{ DARKROOM_ORIGINALS: origin.url, DARKROOM_ORIGIN_PRIVATE: 'on', DARKROOM_METRICS_PORT: '0' },
      // One place, so that the second of two new pictures is refused.
      ...{ DARKROOM_SLOTS: '1', DARKROOM_QUEUE: '0', DARKROOM_NEAREST: 'off' },
    });
    prometheus = await startPrometheus(`127.0.0.1:${server.startUp.metricsPort}`);
  });
  after(async () => {
    await prometheus?.dispose();
    await Promise.all([server?.dispose(), origin?.dispose()]);
  });

  /** A dozen requests of every kind. */
  async function mixedTraffic(): Promise<Set<string>> {
    round += 1;
    const outcomes = new Set<string>();
    const ask = async (target: string, headers: Record<string, string> = {}) => {
      const response = await server.get(target, { headers });
      await response.arrayBuffer();
      const { status } = response;
      outcomes.add(`${status} ${response.headers.get('x-error') ?? response.headers.get('cache-status') ?? ''}`.trim());
      return response;
    };
    const crop = server.path(`w_${60 + round},h_200,fit_cover,f_webp`, 'astronaut.jpg');
    await ask(crop);
    await ask(crop);
    const hit = server.path(`w_${60 + round},f_jpeg`, 'astronaut.jpg');
    const { headers } = await ask(hit);
    await ask(hit);
    await ask(hit, { 'if-none-match': headers.get('etag') ?? '' });
    await ask(server.path('thumb', 'astronaut.jpg'));
    await ask(server.path('thumb', 'missing.jpg'));
    await ask(server.path('thumb', 'broken.jpg'));
    await ask(`/${'Z'.repeat(22)}/thumb/astronaut.jpg`);
    await Promise.all([1, 2, 3].map((at) => ask(server.path(`w_${200 + round},h_${at}00,f_png`, 'astronaut.jpg'))));
    return outcomes;
  }

  it('scrapes a running server, and every query of the dashboard has data after mixed traffic', async () => {
    const up = async () => (await prometheus.ask('/api/v1/targets')).data.activeTargets?.[0]?.health === 'up';
    await eventually(up, () => 'the target is up');
    const outcomes = new Set<string>();
    let empty = dashboardQueries();
    await eventually(
      async () => {
        for (const outcome of await mixedTraffic()) outcomes.add(outcome);
        const still: typeof empty = [];
        for (const query of empty) {
          const expr = query.expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*');
          const { status, data } = await prometheus.ask('/api/v1/query', { query: expr });
          assert.equal(status, 'success', expr);
          // A quantile of nothing is NaN, which a graph shows as nothing.
          if (!data.result?.some(({ value: [, value] }) => Number.isFinite(Number(value)))) still.push(query);
        }
        empty = still;
        return empty.length === 0;
      },
      () => JSON.stringify(empty),
    );
    const expected = [
      ...['200 darkroom; fwd=miss', '200 darkroom; hit; detail=memory', '304', '403 bad_signature'],
      ...['404 original_not_found', '502 store_failed', '503 busy'],
    ];
    for (const outcome of expected) assert.ok(outcomes.has(outcome), `${outcome} is not among ${[...outcomes]}`);
  });

  it('evaluates every alert rule', async () => {
    const rules = async () =>
      ((await prometheus.ask('/api/v1/rules')).data.groups ?? []).flatMap((group) => group.rules);
    await eventually(
      async () => (await rules()).length > 0 && (await rules()).every(({ health }) => health !== 'unknown'),
      () => 'all rules are evaluated',
    );
    assert.deepEqual(
      (await rules()).filter(({ health }) => health !== 'ok'),
      [],
    );
  });
});
