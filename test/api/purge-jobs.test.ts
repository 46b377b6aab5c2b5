import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CdnPurge } from '../../src/api/cdn-purge.ts';
import { cacheTagOf, folderTagOf, OWN_FOLDER } from '../../src/renditions/keys.ts';
import type { ObjectStore } from '../../src/stores/store.ts';
import { blue, type Machine, machinesOver, red, unreachable, WINDOW_MS } from '../helpers/machines.ts';
import { turns, until, untilAnswer } from '../helpers/turns.ts';

const IDS = ['seller/42/a.png', 'seller/42/b.png', 'seller/42/deep/er/and/deeper/c.png'];
const OTHERS = ['seller/421/a.png', 'seller/4.png', 'seller/42.png'];
const ALL = Object.fromEntries([...IDS, ...OTHERS].map((id) => [id, red]));
/** A machine that stops holds its job for two minutes. */
const HOLD_MS = 120_000;

/** A CDN that remembers what it was told, and fails as told. */
function cdnOf() {
  const calls: { id: string; tag: string }[] = [];
  const state = { fails: false };
  const cdn: CdnPurge = async (id, tag) => {
    calls.push({ id, tag });
    return state.fails ? 'failed' : 'purged';
  };
  return { calls, state, cdn, ids: () => calls.map(({ id }) => id).sort() };
}

const jobsOf = (machine: Machine) => machine.purges.bulk?.jobs ?? assert.fail();

async function begin(machine: Machine, wanted: object) {
  const answer = await machine.purgeMany(wanted);
  assert.equal(answer.status, 202);
  // biome-ignore lint/suspicious/noExplicitAny: what a server answers is checked field by field
  const status = (await answer.json()) as any;
  assert.equal(answer.headers.get('location'), `/v1/purge/${status.job}`);
  return status;
}

/** Asks `machine` for the status until it is this one. */
const ended = (machine: Machine, job: string, wanted = 'done') =>
  untilAnswer(
    // biome-ignore lint/suspicious/noExplicitAny: what a server answers is checked field by field
    async () => (await (await machine.purgeJob(job)).json()) as any,
    ({ status }) => status === wanted,
  );

const jobKeys = ({ results }: ReturnType<typeof machinesOver>) =>
  [...results.objects.keys()].filter((key) => key.startsWith(`${OWN_FOLDER}/jobs/`));

async function fill(machine: Machine, ids = [...IDS, ...OTHERS]) {
  for (const id of ids) assert.equal(await machine.see('small', id), 'red');
  await machine.saved();
}

describe('a purge of ids', () => {
  it('is a job that any machine tells of: all are purged everywhere, the CDN is told at once and after the window', async () => {
    const cdn = cdnOf();
    const machines = machinesOver(ALL, { cdn: cdn.cdn });
    const [a, b] = [await machines.start(), await machines.start()];
    await fill(a);
    await fill(b);
    for (const id of IDS) machines.replace(id, blue);
    const wanted = [...IDS, 'seller/42/never.png', IDS[0]];
    const first = await begin(a, { ids: wanted });
    assert.deepEqual([first.total, first.prefix, Date.parse(first.createdAt) > 0], [4, undefined, true]);
    const { done, failed, total } = await ended(b, first.job);
    assert.deepEqual([done, failed, total], [4, 0, 4]);
    assert.deepEqual(cdn.ids(), [...new Set(wanted)].sort());
    assert.equal(machines.results.made().length, OTHERS.length);
    await jobsOf(b).sweep();
    machines.passWindow();
    for (const machine of [a, b]) for (const id of IDS) assert.equal(await machine.see('small', id), 'blue');
    for (const id of OTHERS) assert.equal(machines.results.record(id).epoch, 0);
    await jobsOf(b).sweep();
    assert.deepEqual(cdn.ids(), [...new Set(wanted), ...new Set(wanted)].sort());
    assert.equal(jobKeys(machines).length, 1, 'the status is kept, the second round is not');
  });

  it('takes a thousand long ones, and no slow store makes it trip over its own progress', async () => {
    const machines = machinesOver({});
    const a = await machines.start();
    machines.results.hold.put = async (key) => {
      if (key.includes('/jobs/')) await turns(200);
    };
    const ids = Array.from({ length: 1000 }, (_, at) => `${'x'.repeat(200)}/${at}.png`);
    const { job } = await begin(a, { ids });
    const { done, failed } = await ended(a, job);
    assert.deepEqual([done, failed, a.warnings], [1000, 0, []]);
    const kept = JSON.parse(machines.results.objects.get(`${OWN_FOLDER}/jobs/${job}.json`)?.body.toString() ?? '');
    assert.equal(kept.attempts, 1);
  });

  it('is tried again where one of them failed, and says how many', async () => {
    const machines = machinesOver(ALL);
    let broken = true;
    const flaky: ObjectStore = {
      ...machines.results.store,
      deleteAll: (folder, ...what) =>
        broken && folder === encodeURIComponent(IDS[1] ?? '')
          ? Promise.reject(new Error('503'))
          : machines.results.store.deleteAll(folder, ...what),
    };
    const a = await machines.start({ results: flaky });
    await fill(a);
    const { job } = await begin(a, { ids: IDS });
    const { done, failed } = await untilAnswer(
      async () => (await (await a.purgeJob(job)).json()) as { done: number; failed: number },
      (status) => status.done === 3,
    );
    assert.deepEqual([done, failed], [3, 1]);
    await until(() => a.warnings.includes('a purge job failed and will be tried again'));
    broken = false;
    await jobsOf(a).sweep();
    assert.equal((await ended(a, job, 'running')).failed, 1, 'not before the pause is over');
    machines.clock.ms += HOLD_MS + 1;
    await jobsOf(a).sweep();
    assert.deepEqual((await ended(a, job)).failed, 0);
    assert.equal(machines.results.made().length, OTHERS.length);
  });
});

describe('a purge of a folder', () => {
  it('with dryRun counts and does nothing', async () => {
    const machines = machinesOver(ALL);
    const a = await machines.start();
    await fill(a);
    const before = new Map(machines.results.objects);
    const calls = machines.results.calls.length;
    const counts = [];
    for (const prefix of ['seller/42/', 'seller/42/deep/', 'seller/', 'nobody/'])
      counts.push(await (await a.purgeMany({ prefix, dryRun: true })).json());
    assert.deepEqual(counts, [
      { prefix: 'seller/42/', count: 3 },
      { prefix: 'seller/42/deep/', count: 1 },
      { prefix: 'seller/', count: 6 },
      { prefix: 'nobody/', count: 0 },
    ]);
    assert.deepEqual(machines.results.objects, before);
    assert.ok(machines.results.calls.slice(calls).every((call) => call.startsWith('list ')));
  });

  it('covers all ids below it, with a record and without, on every machine, and nothing beside it', async () => {
    const cdn = cdnOf();
    const machines = machinesOver(ALL, { cdn: cdn.cdn });
    const { results, replace, passWindow } = machines;
    const [a, b] = [await machines.start(), await machines.start()];
    await fill(a);
    await fill(b);
    // As a machine leaves them that has not written the record yet.
    const orphan = 'seller/42/orphan.png';
    replace(orphan, red);
    assert.equal(await b.see('small', orphan), 'red');
    await b.saved();
    results.objects.delete(`${encodeURIComponent(orphan)}/original.json`);
    for (const id of [...IDS, ...OTHERS, orphan]) replace(id, blue);
    const stale = [...results.objects].filter(([key]) => key.startsWith('seller%2F42%2F') && !key.endsWith('.json'));
    assert.equal(stale.length, 4);

    const { job, prefix } = await begin(a, { prefix: 'seller/42/' });
    assert.equal(prefix, 'seller/42/');
    // In force before the job has removed anything.
    for (const id of IDS) assert.equal(await a.see('small', id), 'blue');
    const { done, failed } = await ended(b, job);
    assert.deepEqual([done, failed], [4, 0]);
    // Each that was replaced as well is told of by itself.
    const folders = cdn.calls.filter(({ id }) => id.endsWith('/'));
    assert.deepEqual(folders, [{ id: 'seller/42/', tag: folderTagOf('seller/42/') }]);
    for (const machine of [a, b]) for (const id of OTHERS) assert.equal(await machine.see('small', id), 'red', id);
    // What a machine saved late is missing to all, at once and for ever.
    for (const [key, object] of stale) results.objects.set(key, object);
    passWindow();
    for (const machine of [a, b, await machines.start()])
      for (const id of [...IDS, orphan]) assert.equal(await machine.see('medium', id), 'blue', id);
    const fresh = await machines.start();
    for (const id of [...IDS, orphan]) assert.equal(await fresh.see('small', id), 'blue', id);
  });

  it('has a second round after the window, by any machine: what was saved late is removed, and the CDN told again', async () => {
    const cdn = cdnOf();
    const machines = machinesOver(ALL, { cdn: cdn.cdn });
    const { results } = machines;
    const [a, b] = [await machines.start(), await machines.start()];
    await fill(a);
    const stale = [...results.objects].filter(([key]) => key.startsWith('seller%2F42%2F') && !key.endsWith('.json'));
    const { job } = await begin(a, { prefix: 'seller/42/' });
    await ended(a, job);
    jobsOf(a).close();
    for (const [key, object] of stale) results.objects.set(key, object);
    await jobsOf(b).sweep();
    machines.clock.ms += WINDOW_MS - 1000;
    await jobsOf(b).sweep();
    assert.equal(results.made().length, OTHERS.length + stale.length, 'not due yet');
    machines.clock.ms += 2000;
    await jobsOf(b).sweep();
    assert.equal(results.made().length, OTHERS.length);
    assert.equal(cdn.calls.length, 2);
    const left = JSON.parse(results.objects.get(jobKeys(machines).at(-1) ?? '')?.body.toString() ?? '');
    assert.equal(left.status, 'done');
  });

  it('below the fourth level, where answers have no tag, tells the CDN of each original', async () => {
    const cdn = cdnOf();
    const machines = machinesOver(ALL, { cdn: cdn.cdn });
    const a = await machines.start();
    await fill(a);
    const { job } = await begin(a, { prefix: 'seller/42/deep/er/and/' });
    await ended(a, job);
    assert.deepEqual(cdn.calls, [{ id: IDS[2], tag: cacheTagOf(IDS[2] ?? '') }]);
  });

  it('leaves originals and records where they are', async () => {
    const machines = machinesOver(ALL);
    const a = await machines.start();
    await fill(a);
    const { job } = await begin(a, { prefix: 'seller/42/' });
    await ended(a, job);
    for (const id of IDS) {
      assert.ok(machines.originals.objects.has(id));
      assert.equal(machines.results.record(id).id, id);
    }
    assert.equal(machines.originals.count('delete'), 0);
  });
});

describe('a machine that stops in the middle of a job', () => {
  it('holds it for two minutes, then another one finishes it, and its own late end changes nothing', async () => {
    const cdn = cdnOf();
    const machines = machinesOver(ALL, { cdn: cdn.cdn });
    const [working, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const stuck: ObjectStore = {
      ...machines.results.store,
      async deleteAll(...what) {
        working.resolve();
        await released.promise;
        return machines.results.store.deleteAll(...what);
      },
    };
    const [a, b] = [await machines.start({ results: stuck }), await machines.start()];
    await fill(b);
    const { job } = await begin(a, { ids: IDS });
    await working.promise;
    jobsOf(a).close();
    machines.clock.ms += HOLD_MS - 1000;
    await jobsOf(b).sweep();
    assert.equal((await ended(b, job, 'running')).done, 0, 'A may still be at it');
    machines.clock.ms += 1001;
    await jobsOf(b).sweep();
    const status = await ended(b, job);
    assert.deepEqual([status.done, status.failed], [3, 0]);
    assert.equal(machines.results.made().length, OTHERS.length);
    released.resolve();
    await jobsOf(a).sweep();
    await turns(50);
    assert.deepEqual(await ended(b, job), status);
  });

  it('right after the answer of a purge leaves the second telling to another one', async () => {
    const cdn = cdnOf();
    const machines = machinesOver(ALL, { cdn: cdn.cdn });
    const [a, b] = [await machines.start(), await machines.start()];
    await fill(a);
    assert.equal((await a.purge(IDS[0] ?? '')).cdn, 'purged');
    jobsOf(a).close();
    await jobsOf(b).sweep();
    assert.equal(cdn.calls.length, 1, 'told at once; again only after the window');
    machines.passWindow();
    cdn.state.fails = true;
    await jobsOf(b).sweep();
    assert.equal(cdn.calls.length, 2);
    cdn.state.fails = false;
    machines.clock.ms += HOLD_MS + 1;
    await jobsOf(b).sweep();
    assert.deepEqual([cdn.calls.length, jobKeys(machines)], [3, []], 'tried again until it was told');
    machines.clock.ms += 10 * HOLD_MS;
    await jobsOf(b).sweep();
    assert.equal(cdn.calls.length, 3);
  });

  it('is begun by one machine only when several look at the same time', async () => {
    const cdn = cdnOf();
    const machines = machinesOver(ALL, { cdn: cdn.cdn });
    const all = await Promise.all(Array.from({ length: 5 }, () => machines.start()));
    await all[0]?.purge(IDS[0] ?? '');
    machines.passWindow();
    await Promise.all(all.map((machine) => jobsOf(machine).sweep()));
    assert.equal(cdn.calls.length, 2);
  });

  it('is forgotten a day after it was done', async () => {
    const machines = machinesOver(ALL);
    const a = await machines.start();
    const { job } = await begin(a, { ids: IDS });
    await ended(a, job);
    machines.passWindow();
    await jobsOf(a).sweep();
    assert.equal((await a.purgeJob(job)).status, 200);
    machines.clock.ms += 24 * 3_600_000;
    await jobsOf(a).sweep();
    assert.deepEqual([(await a.purgeJob(job)).status, jobKeys(machines)], [404, []]);
  });
});

describe('each step of a purge', () => {
  it('is tried and reported by itself: without the bucket the CDN is told, memory is dropped and the original deleted', async () => {
    const cdn = cdnOf();
    const machines = machinesOver(ALL, { cdn: cdn.cdn });
    const [id = ''] = IDS;
    let broken = false;
    const flaky = unreachable(machines.results.store, () => broken);
    const a = await machines.start({ results: flaky });
    await fill(a);
    broken = true;
    const report = await a.purge(id, '?original=true');
    assert.deepEqual(
      [report.status, report.error, report.failed],
      [502, 'store_failed', ['record', 'second_round', 'results']],
    );
    assert.match(report.message, /record, second_round, results/);
    assert.deepEqual([report.removed, report.cdn], [{ memory: 1, results: 0, original: true }, 'purged']);
    assert.deepEqual([cdn.ids(), machines.originals.objects.has(id)], [[id], false]);
    assert.equal(await a.see('small', id), 404);
    broken = false;
    const again = await a.purge(id, '?original=true');
    assert.deepEqual(
      [again.status, again.failed, again.removed],
      [200, [], { memory: 0, results: 1, original: false }],
    );
  });

  it('says that the original was there once, however often the purge is called', async () => {
    const machines = machinesOver(ALL);
    const a = await machines.start();
    const [id = ''] = IDS;
    const told = [];
    for (let call = 1; call <= 3; call += 1) told.push((await a.purge(id, '?original=true')).removed.original);
    assert.deepEqual(told, [true, false, false]);
  });

  it('an original that cannot be deleted is said so, and all else is done', async () => {
    const machines = machinesOver(ALL);
    const [id = ''] = IDS;
    const readOnly = { ...machines.originals.store, delete: () => Promise.reject(new Error('AccessDenied')) };
    const a = await machines.start({ deletable: readOnly });
    await fill(a);
    const report = await a.purge(id, '?original=true');
    assert.deepEqual([report.status, report.failed, report.removed.original], [502, ['original'], false]);
    assert.deepEqual([report.removed.results, machines.results.record(id).epoch > 0], [1, true]);
  });
});

describe('POST /v1/purge', () => {
  const wrong: [body: unknown, message: RegExp][] = [
    [{}, /either ids or a prefix/],
    [{ ids: ['a'], prefix: 'a/' }, /either ids or a prefix/],
    [{ prefix: '' }, /prefix: .*folder/],
    [{ prefix: '/' }, /prefix: .*folder/],
    [{ prefix: 'seller' }, /prefix: .*folder/],
    [{ prefix: '/seller/' }, /prefix: .*folder/],
    [{ prefix: 'a/../b/' }, /dot segments/],
    [{ prefix: `${'x'.repeat(512)}/` }, /prefix: /],
    [{ prefix: 'a\u0000/' }, /control/],
    [{ prefix: 'a/', dryRun: 'yes' }, /dryRun: /],
    [{ prefix: 'a/', dryrun: true }, /dryrun/],
    [{ ids: ['a'], dryRun: true }, /dryRun: /],
    [{ ids: [] }, /ids: /],
    [{ ids: Array.from({ length: 1001 }, (_, at) => `${at}`) }, /ids: /],
    [{ ids: ['a', ''] }, /ids\.1: /],
    [{ ids: ['../a'] }, /dot segments/],
    [['a'], /body/],
  ];
  it('refuses what it cannot do, naming it, and does nothing', async () => {
    const machines = machinesOver(ALL);
    const a = await machines.start();
    await fill(a);
    const before = machines.results.calls.length;
    for (const [body, message] of wrong) {
      const answer = await a.purgeMany(body as object);
      assert.equal(answer.status, 400, JSON.stringify(body).slice(0, 80));
      assert.match(((await answer.json()) as { message: string }).message, message);
    }
    assert.equal(machines.results.calls.length, before);
  });

  it('knows no job of another name, and needs a result store', async () => {
    const machines = machinesOver(ALL);
    const [a, none] = [await machines.start(), await machines.start({ results: undefined })];
    for (const job of ['0'.repeat(32), 'x', '..%2Fprefixes', '0'.repeat(33)])
      assert.equal((await a.purgeJob(job)).status, 404, job);
    const answer = await none.purgeMany({ ids: ['a'] });
    assert.equal(answer.status, 400);
    assert.match(((await answer.json()) as { message: string }).message, /result store/);
    assert.equal((await none.purgeJob('0'.repeat(32))).status, 404);
  });
});
