import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'smol-toml';
import { readConfig } from '../../src/process/config.ts';
import { planMemory } from '../../src/process/memory-plan.ts';
import { ROOT } from '../helpers/edge.ts';

interface FlyToml {
  readonly kill_signal: string;
  readonly kill_timeout: string;
  readonly build: { readonly dockerfile: string };
  readonly env: Readonly<Record<string, string>>;
  readonly http_service: {
    readonly internal_port: number;
    readonly auto_stop_machines: string;
    readonly auto_start_machines: boolean;
    readonly min_machines_running: number;
    readonly concurrency: { readonly type: string; readonly soft_limit: number; readonly hard_limit: number };
    readonly checks: readonly { readonly method: string; readonly path: string; readonly timeout: string }[];
  };
  readonly metrics: { readonly port: number; readonly path: string };
  readonly vm: readonly { readonly size: string; readonly memory: string }[];
}

const MIB = 1024 ** 2;
/** The kernel takes a part of a machine's memory before the process sees it. */
const SEEN_BY_LINUX = 0.9;
/** Memory of a render of a progressive photo of 12 megapixels, as in src/process/memory-plan.ts. */
const HEAVY_RENDER = 48 * MIB;
/** Renders behind each slot before another machine is woken. */
const PATIENCE = 2;
const KEYS = 'ab'.repeat(32);

const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');
const fly = parse(read('fly.toml')) as unknown as FlyToml;
const guide = read('docs/fly.md');
const [machine] = fly.vm;
const slots = Number(/^(?:shared-cpu|performance)-(\d+)x$/.exec(machine?.size ?? '')?.[1]);
const memory = Number(/^(\d+)gb$/.exec(machine?.memory ?? '')?.[1]) * 1024 * MIB;
/** The configuration of a machine: its CPUs are its slots, the rest comes from fly.toml or from the defaults. */
const config = readConfig(
  { NODE_ENV: 'production', DARKROOM_SIGNING_KEYS: KEYS, DARKROOM_SLOTS: String(slots), ...fly.env },
  memory * SEEN_BY_LINUX,
);
const seconds = (text: string) => Number(/^(\d+)s$/.exec(text)?.[1]);

describe('fly.toml', () => {
  it('scales to zero', () => {
    const { auto_stop_machines, auto_start_machines, min_machines_running } = fly.http_service;
    assert.deepEqual([auto_stop_machines, auto_start_machines, min_machines_running], ['stop', true, 0]);
    assert.equal(config.idleExitMs, undefined, 'Fly stops machines itself');
  });

  it('lets a drain end before it kills', () => {
    assert.equal(fly.kill_signal, 'SIGINT');
    assert.ok(seconds(fly.kill_timeout) * 1000 >= config.shutdownTimeoutMs + 2000);
    assert.equal(config.shutdownTimeoutMs, readConfig({}).shutdownTimeoutMs, 'the file says what the default is');
    // Every admitted request can be answered within the drain.
    assert.ok(config.shutdownTimeoutMs >= config.renderTimeoutMs + config.storeTimeoutMs);
  });

  it('lets in what slots and queue hold, and wakes another machine well before', () => {
    const { type, soft_limit, hard_limit } = fly.http_service.concurrency;
    assert.equal(type, 'requests');
    assert.equal(hard_limit, config.slots + config.queue);
    assert.equal(soft_limit, config.slots * (1 + PATIENCE));
  });

  it('asks where the server answers', () => {
    assert.equal(fly.http_service.internal_port, config.port);
    assert.deepEqual({ ...fly.metrics }, { port: config.metricsPort, path: '/metrics' });
    const [check] = fly.http_service.checks;
    assert.deepEqual([check?.method, check?.path, fly.http_service.checks.length], ['GET', '/ready', 1]);
    assert.match(read('src/http/app.ts'), /app\.get\('\/ready'/);
  });

  it('gives each slot memory for a heavy render', () => {
    const plan = planMemory({ limit: memory * SEEN_BY_LINUX, faceThreads: 1 });
    assert.ok((plan?.work ?? 0) >= slots * HEAVY_RENDER, `${plan?.work}`);
    const less = planMemory({ limit: (memory / 2) * SEEN_BY_LINUX, faceThreads: 1 });
    assert.ok(less && less.work < slots * HEAVY_RENDER, 'half of it runs too, but lends');
    assert.deepEqual(config.memory, plan);
  });

  it('keeps everything in Tigris, and no secret in the file', () => {
    assert.deepEqual([config.originals.kind, config.results.kind], ['s3', 's3']);
    const { region, endpoint, pathStyle } = config.s3;
    assert.deepEqual([region, endpoint, pathStyle], ['auto', 'https://fly.storage.tigris.dev', false]);
    for (const name of Object.keys(fly.env)) assert.doesNotMatch(name, /KEY|TOKEN|SECRET/);
    assert.equal(fly.build.dockerfile, 'Dockerfile');
  });
});

describe('docs/fly.md', () => {
  it('says what the file says', () => {
    const { concurrency } = fly.http_service;
    for (const figure of [
      fly.kill_timeout,
      `soft_limit = ${concurrency.soft_limit}`,
      `hard_limit = ${concurrency.hard_limit}`,
    ])
      assert.ok(guide.includes(figure), figure);
    for (const name of [machine?.size, machine?.memory, fly.env.DARKROOM_ORIGINALS, fly.env.DARKROOM_RESULTS])
      assert.ok(name && guide.includes(name), name);
  });

  it('names settings that exist', () => {
    const settings = read('docs/settings.md');
    const names = new Set(guide.match(/\bDARKROOM_[A-Z_]+\b/g));
    assert.ok(names.size >= 5);
    for (const name of names) assert.ok(settings.includes(`\`${name}\``), name);
  });
});
