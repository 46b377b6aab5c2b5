/**
 * Whether what is taken down stays down: three servers over one bucket (or one folder), nginx in front, mixed load, and now and then a machine
 * that is suspended, cut off from the bucket, or wakes with another time. Pictures are flat, in a colour for each version.
 *
 *     node bench/takedown.ts [--purges 300] [--minutes 9] [--every 1000] [--window 2000] [--grace 12000] [--seed 1] [--stores bucket|folder] [--out bench/results]
 *
 * `--served 8000` gives the servers a longer window than the one they are held to, to see that this bench can fail.
 * Fails when an answer that was asked for after the deadline, or an object in the bucket, is of an old picture.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { cacheTagOf, folderTagOf, renditionFolder } from '../src/renditions/keys.ts';
import { benchOptions, quantile, seededRandom } from './tools/options.ts';
import { markdownTable, writeReport } from './tools/report.ts';
import { signedPath } from './tools/server.ts';
import {
  type Cut,
  createJudge,
  type Original,
  pictureOf,
  type Seen,
  type Takedown,
  type Verdict,
  versionOf,
} from './tools/takedown-judge.ts';
import { bucketStores, folderStores } from './tools/takedown-stores.ts';
import { createTroubles } from './tools/takedown-troubles.ts';
import { API_TOKEN, type Machine, PRESET_NAMES, startWorld, type World } from './tools/takedown-world.ts';

const options = benchOptions({
  ...{
    purges: '300',
    minutes: '9',
    every: '1000',
    window: '2000',
    grace: '12000',
    served: '',
    seed: '1',
    stores: 'bucket',
  },
});
const [PURGES, WINDOW_MS, GRACE_MS] = [Number(options.purges), Number(options.window), Number(options.grace)];
const FOLDERS = 8;
const IDS_IN_FOLDER = 5;
const LOOPS = { machine: 2, nginx: 6 };
const PAUSE_MS = 150;
const ASK_LIMIT_MS = 60_000;
/** The second call may have to wait for another machine, which looks for work left behind once a minute. */
const TOLD_LIMIT_MS = 90_000;
const SETTLE_MS = 1000;
/** For what is under way at the end. */
const LAST_MS = 20_000;
/** Between two of them. */
const PEACE_MS = 7000;
const random = seededRandom(Number(options.seed));
const oneOf = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T;

const originals: Original[] = Array.from({ length: FOLDERS * IDS_IN_FOLDER }, (_, at) => ({
  ...{ id: `seller/${Math.floor(at / IDS_IN_FOLDER)}/${at}.png`, at },
  ...{ version: 0, there: true, busy: false, takedowns: [] },
}));
const cuts: Cut[] = [];
const away = new Set<Machine>();
let clocksAreRight = true;
const judge = createJudge({
  ...{ windowMs: WINDOW_MS, graceMs: GRACE_MS, cuts },
  clocksAreRight: () => clocksAreRight,
});
const verdicts = new Map<string, Map<Verdict | 'checked after a deadline', number>>();
const resurrected: unknown[] = [];
const failures: string[] = [];
const troubles: Record<string, number> = {};
const done: Record<string, number> = {};
const inFlight = new Set<Promise<void>>();
let stopping = false;

function count(source: string, what: Verdict | 'checked after a deadline'): void {
  const row = verdicts.get(source) ?? new Map();
  row.set(what, (row.get(what) ?? 0) + 1);
  verdicts.set(source, row);
}

async function ask(source: { name: string; baseUrl: string }, original: Original, preset: string): Promise<Seen> {
  const begun = Date.now();
  const path = signedPath(preset, original.id);
  const answer = await fetch(source.baseUrl + path, { signal: AbortSignal.timeout(ASK_LIMIT_MS) });
  const body = Buffer.from(await answer.arrayBuffer());
  const ended = Date.now();
  const version = answer.status === 200 ? await versionOf(original, body) : undefined;
  const header = (name: string) => answer.headers.get(name) ?? '';
  const modified = Date.parse(header('last-modified')) / 1000;
  return {
    ...{ source: source.name, preset, begun, ended, status: answer.status, version },
    renderedAt: Number.isNaN(modified) ? undefined : modified,
    ...{ cacheControl: header('cache-control'), cacheStatus: header('cache-status') },
    requestId: header('x-request-id'),
  };
}

/** Asks, judges and counts. A machine that is away may not answer at all. */
async function look(world: World, source: { name: string; baseUrl: string }, original: Original, preset: string) {
  try {
    const seen = await ask(source, original, preset);
    const verdict = judge.judge(original, seen);
    count(source.name, verdict);
    if (verdict !== 'resurrected') return;
    const { id, version, takedowns } = original;
    const lines = world.machines.map(({ name, log }) => [name, linesOf(log(), id)]);
    resurrected.push({
      id,
      version,
      seen,
      takedowns: takedowns.slice(-3),
      cuts: cuts.slice(-2),
      log: resurrected.length < 10 ? lines : [],
    });
    console.error('RESURRECTED', JSON.stringify({ id, version, seen, takedowns: takedowns.slice(-3) }));
  } catch (error) {
    if (!stopping && away.size === 0) failures.push(`${source.name}: ${error}`);
  }
}

const linesOf = (log: string, id: string) =>
  log
    .split('\n')
    .filter((line) => line.includes(id))
    .slice(-20);

async function keepAsking(world: World, source: { name: string; baseUrl: string }): Promise<void> {
  while (!stopping) {
    const busy = originals.filter((one) => one.busy);
    await look(world, source, oneOf(busy.length > 0 && random() < 0.5 ? busy : originals), oneOf(PRESET_NAMES));
    await delay(PAUSE_MS);
  }
}

async function replace(world: World, original: Original): Promise<void> {
  original.version += 1;
  await world.stores.put(original.id, await pictureOf(original, original.version));
  original.there = true;
}

async function call(machine: Machine, method: string, path: string, body?: unknown) {
  const headers = { authorization: `Bearer ${API_TOKEN}`, 'content-type': 'application/json' };
  const init = { method, headers: body ? headers : { authorization: headers.authorization } };
  const signal = AbortSignal.timeout(ASK_LIMIT_MS);
  const answer = await fetch(machine.baseUrl + path, { ...init, signal, body: body ? JSON.stringify(body) : null });
  // biome-ignore lint/suspicious/noExplicitAny: fields are checked where they are read
  return { ...((await answer.json()) as any), status: answer.status };
}

/** What to do, to which originals; they are busy until it is checked. */
function choose(): { kind: string; targets: Original[] } | undefined {
  const free = originals.filter(({ busy }) => !busy);
  const kind = random();
  if (kind < 0.1) {
    const folder = oneOf(originals).id.split('/')[1];
    const targets = originals.filter(({ id }) => id.split('/')[1] === folder);
    return targets.some(({ busy }) => busy) ? undefined : { kind: 'folder', targets };
  }
  if (free.length === 0) return undefined;
  const target = oneOf(free);
  if (!target.there || kind < 0.6) return { kind: 'replaced', targets: [target] };
  return { kind: kind < 0.8 ? 'purged' : 'deleted', targets: [target] };
}

async function takeDown(world: World, kind: string, targets: Original[]): Promise<void> {
  const [target] = targets as [Original];
  // All hold the old picture when it begins, the cache too.
  const holders = [...world.machines.filter((one) => !away.has(one)), world.nginx];
  await Promise.all(
    targets.flatMap((one) => PRESET_NAMES.flatMap((name) => holders.map((source) => look(world, source, one, name)))),
  );
  if (kind === 'replaced' || kind === 'folder') for (const one of targets) await replace(world, one);
  const machine = oneOf(world.machines.filter((one) => !away.has(one) && (clocksAreRight || one.name !== 'machine 1')));
  const began = Date.now();
  const folder = target.id.slice(0, target.id.lastIndexOf('/') + 1);
  const answer =
    kind === 'folder'
      ? await call(machine, 'POST', '/v1/purge', { prefix: folder })
      : await call(
          machine,
          'DELETE',
          `/v1/images/${encodeURIComponent(target.id)}${kind === 'deleted' ? '?original=true' : ''}`,
        );
  const answered = Date.now();
  if (answer.status !== (kind === 'folder' ? 202 : 200)) {
    // It was cut off or suspended meanwhile: what holds is up to the next call.
    failures.push(
      `${kind} by ${machine.name}${away.has(machine) ? ', which went away' : ''}: ${answer.status} ${answer.failed ?? answer.message}`,
    );
    if (kind === 'deleted') target.there = false;
    return;
  }
  done[kind] = (done[kind] ?? 0) + 1;
  if (kind === 'deleted') target.there = false;
  const takedowns = targets.map((one): Takedown => {
    const takedown = { kind, began, answered, version: one.version + (kind === 'deleted' ? 1 : 0) };
    one.takedowns.push(takedown);
    return takedown;
  });
  const tag = kind === 'folder' ? folderTagOf(folder) : cacheTagOf(target.id);
  await delay(answered + WINDOW_MS + 1 - Date.now());
  // One by one, not to be a stampede of its own; each machine that is there.
  await Promise.all(targets.map((one) => check(world, one, world.machines)));
  const told = await untilToldAgain(world, tag, began, answer.removed?.original ? 3 : 2);
  if (told === undefined) {
    const calls = world.purgeCalls.filter((one) => one.tag === tag && one.arrived >= began);
    const after = calls.map(({ arrived }) => arrived - answered).join(', ');
    failures.push(
      `${kind} ${target.id}: the cache was not told after the window, but ${after} ms after the answer${clocksAreRight ? '' : ' (a clock is wrong)'}`,
    );
  }
  for (const takedown of takedowns) if (told !== undefined) takedown.toldAgain = told;
  await delay(SETTLE_MS);
  await Promise.all(targets.map((one) => check(world, one, [...world.machines, world.nginx])));
  for (const one of targets) await checkBucket(world, one);
}

async function check(world: World, original: Original, sources: readonly { name: string; baseUrl: string }[]) {
  for (const preset of PRESET_NAMES)
    await Promise.all(
      sources.map(async (source) => {
        await look(world, source, original, preset);
        count(source.name, 'checked after a deadline');
      }),
    );
}

async function untilToldAgain(world: World, tag: string | undefined, began: number, calls: number) {
  const limit = Date.now() + TOLD_LIMIT_MS;
  for (; Date.now() < limit && !stopping; await delay(50)) {
    const ours = world.purgeCalls.filter((one) => one.tag === tag && one.arrived >= began);
    const last = ours.slice(calls - 1).find(({ arrived }) => arrived >= began + WINDOW_MS);
    if (last) return last.obeyed;
  }
  return undefined;
}

/** Nothing of the old picture lies in the result store. */
async function checkBucket(world: World, original: Original): Promise<void> {
  for (const key of await world.stores.list(`${renditionFolder(original.id)}/`)) {
    if (key.endsWith('/original.json')) continue;
    const found = await world.stores.read(key);
    if (!found) continue;
    const version = await versionOf(original, found.body);
    const renderedAt = Number(found.metadata['rendered-at']);
    const old = original.takedowns.some((takedown) => judge.isOld(takedown, version, renderedAt));
    count('bucket', old ? 'resurrected' : 'new');
    if (!old) continue;
    resurrected.push({ key, version, renderedAt, epoch: found.metadata.epoch, original });
    console.error('OLD IN THE BUCKET', JSON.stringify({ key, version, metadata: found.metadata, original }));
  }
}

const total = () => Object.values(done).reduce((sum, one) => sum + one, 0);

async function makeTrouble(world: World): Promise<void> {
  const { rounds, jump } = createTroubles({ world, windowMs: WINDOW_MS, graceMs: GRACE_MS, cuts, away });
  for (let at = 0; !stopping; at += 1) {
    await delay(PEACE_MS);
    // Last, because from then on that machine's clock is never right again.
    if (total() > PURGES * 0.75) clocksAreRight = false;
    const [name, work] = clocksAreRight ? (rounds[at % rounds.length] ?? jump) : jump;
    if (stopping) return;
    await work();
    troubles[name] = (troubles[name] ?? 0) + 1;
  }
}

async function run(world: World): Promise<void> {
  for (const one of originals) await world.stores.put(one.id, await pictureOf(one, 0));
  const loops = [
    ...world.machines.flatMap((machine) => Array.from({ length: LOOPS.machine }, () => keepAsking(world, machine))),
    ...Array.from({ length: LOOPS.nginx }, () => keepAsking(world, world.nginx)),
  ];
  const trouble = makeTrouble(world);
  const end = Date.now() + Number(options.minutes) * 60_000;
  while (total() < PURGES && Date.now() < end) {
    await delay(Number(options.every));
    const chosen = choose();
    if (!chosen) continue;
    for (const one of chosen.targets) one.busy = true;
    const work: Promise<void> = takeDown(world, chosen.kind, chosen.targets)
      .catch((error) => void failures.push(`${chosen.kind} ${chosen.targets[0]?.id}: ${error}`))
      .finally(() => {
        inFlight.delete(work);
        for (const one of chosen.targets) one.busy = false;
      });
    inFlight.add(work);
  }
  await Promise.race([Promise.all(inFlight), delay(LAST_MS)]);
  stopping = true;
  await Promise.all([...loops, trouble]);
  // Everything once more, when nothing is under way.
  await delay(2 * WINDOW_MS);
  await Promise.all(originals.map((one) => check(world, one, [...world.machines, world.nginx])));
  for (const one of originals) await checkBucket(world, one);
}

const stores = await (options.stores === 'folder' ? folderStores() : bucketStores());
const world = await startWorld(stores, Number(options.served) || WINDOW_MS, GRACE_MS);
const began = performance.now();
try {
  await run(world);
} finally {
  for (const { pid } of world.machines) process.kill(pid, 'SIGCONT');
  await world.stop();
}
const minutes = (performance.now() - began) / 60_000;
const sources = [...verdicts.keys()].sort();
const columns = [...new Set([...verdicts.values()].flatMap((row) => [...row.keys()]))].sort();
const table = markdownTable(
  ['source', ...columns],
  sources.map((source) => [source, ...columns.map((column) => verdicts.get(source)?.get(column) ?? 0)]),
);
const takedowns = originals.flatMap((one) => one.takedowns);
const late = takedowns.flatMap(({ answered, toldAgain }) => (toldAgain === undefined ? [] : [toldAgain - answered]));
const list = (of: Record<string, number>) =>
  Object.entries(of)
    .map(([name, times]) => `${name} ${times}`)
    .join(', ');
const back = cuts.map(({ joined, to }) => ((to - joined) / 1000).toFixed(1));
const noticed =
  back.length === 0 ? '' : ` A machine that was cut off noticed ${back.join(', ')} s after the bucket was back.`;
const about = `${total()} purges answered in ${minutes.toFixed(1)} minutes (${list(done)}), seed ${options.seed}, a window of ${WINDOW_MS} ms, a grace of ${GRACE_MS} ms, ${originals.length} originals in a ${options.stores}. Machines 1 and 2 tell each other; nobody tells machine 3. Troubles: ${list(troubles)}.${noticed}

**${resurrected.length} resurrected.** An answer counts as that when it was asked for after the window, or of nginx after its last purge call, and shows an older version or was rendered before the purge. That last call came ${quantile(late, 0.5)} ms after the answer (median), at most ${Math.max(0, ...late)} ms. Purges or questions that failed: ${failures.length}.`;
const summary = {
  done,
  minutes,
  troubles,
  verdicts: Object.fromEntries([...verdicts].map(([k, v]) => [k, Object.fromEntries(v)])),
};
writeReport(options.out, options.stores === 'folder' ? 'takedown-folder' : 'takedown', `${about}\n\n${table}`, {
  options: { ...options, photos: undefined, out: undefined },
  ...summary,
  resurrected,
  failures,
});
if (resurrected.length > 0 || total() === 0) process.exitCode = 1;
