import { AsyncLocalStorage } from 'node:async_hooks';
import { PEER_PATH } from '../../src/api/peers.ts';
import { recordKey } from '../../src/renditions/keys.ts';
import { formatImagePath } from '../../src/url/image-path.ts';
import { drawsOf } from '../helpers/draws.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { createCdn } from './purge-fuzz/cdn.ts';
import { API_TOKEN, type Machine, SIGNATURES, startMachine } from './purge-fuzz/machine.ts';
import { installFetch, type Server } from './purge-fuzz/network.ts';
import { described, IDS, type Operation, type Plan, PRESETS } from './purge-fuzz/operations.ts';
import { createTruth, type Truth } from './purge-fuzz/truth.ts';
import { installVirtualTime } from './purge-fuzz/virtual-time.ts';

export interface RunReport {
  /** What broke, in sentences. */
  readonly broken: readonly string[];
  readonly counts: Truth['counts'] & { readonly calls: number; readonly purges: number };
  /** All answers in order, for comparing two runs. */
  readonly log: readonly string[];
}

/** Where a machine runs; a new one takes the place of one that ends. */
interface Place {
  readonly machine: Machine;
  /** Differs for each machine that ever ran. */
  readonly number: number;
  /** Answers of the peers' route: who forgot what, and when. */
  readonly told: { readonly at: number; readonly text: string }[];
}

/** For which request the code of a machine runs. */
const requestNumber = new AsyncLocalStorage<string>();
/** A job that a machine left half-done is held for two minutes, and found within another; a folder takes two rounds. */
const QUIET_MS = 8 * 60_000;
/** Longer than any request takes that found a healthy machine. */
const ANSWERED_MS = 90_000;
/** What was planted before may still be under way. */
const TRIES = 20;

/** Plays one plan, on its own time: as many milliseconds of ours as it has seconds. */
export async function run(plan: Plan): Promise<RunReport> {
  const chance = drawsOf(plan.seed, 1);
  using time = installVirtualTime(chance.share);
  const draws = drawsOf(plan.seed, 2);
  const { windowMs, graceMs } = plan;
  const [results, originals] = [createMemoryStore({}, () => time.now), createMemoryStore({}, () => time.now)];
  const truth = createTruth({ results, originals, windowMs, graceMs, now: () => time.now });
  const log: string[] = [];
  const note = (what: string) => void log.push(`${time.now % 1e8} ${what}`);
  const reads = new WeakMap<Buffer, number>();
  const sentAt = new Map<string, number>();
  /** By the number of the request. */
  const deletedAt = new Map<string, number>();
  let versions = 0;
  let started = 0;
  let requests = 0;
  let purges = 0;
  let settled = false;

  const { put: write, putIf: writeIf } = results.store;
  results.store.put = async (key, object, options) => {
    await write(key, object, options);
    truth.written(key, object);
    note(`put ${key} ${object.metadata.epoch} ${object.body}`);
  };
  results.store.putIf = async (key, object, condition, options) => {
    const outcome = await writeIf(key, object, condition, options);
    if (outcome !== 'conflict') truth.written(key, object);
    note(`putIf ${key} ${object.body} ${outcome === 'conflict' ? outcome : ''}`);
    return outcome;
  };

  const cdn = createCdn(() => time.now);
  const places: Place[] = [];
  const start = (): Place => {
    started += 1;
    const machine = startMachine({
      ...plan,
      ...{ time, draws, results, originals },
      readOf: (body) => reads.get(body) ?? 0,
      onRead(_key, body) {
        reads.set(body, truth.read(body));
        note(`read ${reads.get(body)} ${body}`);
      },
      addresses: () => places.map((_place, number) => `10.0.0.${number}`),
      onDelete(key, request) {
        truth.removed(key);
        if (request !== undefined) deletedAt.set(request, time.now);
      },
      requestOf: () => requestNumber.getStore(),
      onAnswer: (request) => void sentAt.set(request, time.now),
    });
    return { machine, number: started, told: [] };
  };
  for (let at = 0; at < plan.machines; at += 1) places.push(start());

  const servers = new Map<string, Server>([['cdn', cdn.server]]);
  for (const at of places.keys()) {
    servers.set(`10.0.0.${at}`, async (path, { headers, body }) => {
      const text = String(body);
      const { status, place } = await ask(at, 'POST', path, { ...(headers as Record<string, string>) }, text);
      if (path === PEER_PATH && status === 200) place.told.push({ at: time.now, text });
      return { status };
    });
  }
  using _fetch = installFetch(servers, () => {
    const place = places.find(({ machine }) => time.current === machine.host);
    return place?.machine.links.network;
  });

  /** A request as it reaches a machine: now, or when it thaws; never, if it is killed before. */
  function ask(
    at: number,
    method: 'GET' | 'POST' | 'DELETE',
    url: string,
    headers: Record<string, string> = {},
    payload?: string,
  ) {
    const place = places[at]!;
    const { machine } = place;
    const number = String(requests++);
    const answer = Promise.withResolvers<{
      place: Place;
      number: string;
      status: number;
      headers: Record<string, unknown>;
      body: Buffer;
      at: number;
    }>();
    time.deliver(machine.host, () => {
      time.on(machine.host, () =>
        requestNumber.run(number, async () => {
          const given = await machine.app.inject({
            ...{ method, url },
            headers: { ...headers, 'x-fuzz': number },
            ...(payload === undefined ? {} : { payload }),
          });
          const { statusCode: status, rawPayload: body } = given;
          answer.resolve({ place, number, status, body, headers: given.headers, at: sentAt.get(number) ?? time.now });
        }),
      );
    });
    return answer.promise;
  }

  /** By a CDN, from the machine that it comes to if it has to. Its answer takes its time to get there. */
  async function lookByCdn(at: number, id: string, preset: string): Promise<void> {
    const url = urlOf(id, preset);
    if (cdn.has(url)) return;
    const { status, headers, body } = await ask(at, 'GET', url);
    if (status !== 200) return;
    const arrived = Promise.withResolvers<void>();
    time.after(draws.below(windowMs / 6), arrived.resolve);
    await arrived.promise;
    cdn.keep(url, headers, body);
  }

  async function look(at: number, id: string, preset: string, etag?: string): Promise<number> {
    const url = urlOf(id, preset);
    const answer = await ask(at, 'GET', url, etag ? { 'if-none-match': etag } : {});
    const { place, status, headers, body } = answer;
    const tag = headers.etag === undefined ? undefined : String(headers.etag);
    log.push(
      `${answer.at % 1e8} machine ${place.number} ${preset} ${id} ${status} ${tag} ${headers['cache-control']} ${headers['cache-status']}`,
    );
    truth.check({
      ...{ machine: place.number, id, at: answer.at, status, etag: tag, body, settled },
      ...{ cacheControl: String(headers['cache-control']), failedAt: place.machine.links.results.failedAt },
    });
    if (tag) tags.set(`${id} ${preset}`, tag);
    return status;
  }
  const tags = new Map<string, string>();
  const bearer = { authorization: `Bearer ${API_TOKEN}` };
  const asJson = { ...bearer, 'content-type': 'application/json' };

  async function purge(at: number, id: string, original: boolean): Promise<boolean> {
    const calledAt = time.now;
    const answer = await ask(at, 'DELETE', `/v1/images/${encodeURIComponent(id)}?original=${original}`, bearer);
    log.push(`${answer.at % 1e8} machine ${answer.place.number} purge ${id} ${answer.status}`);
    if (answer.status !== 200) return false;
    purges += 1;
    const told = places.filter((place) =>
      place.told.some(({ at: toldAt, text }) => toldAt >= calledAt && text.includes(JSON.stringify(id))),
    );
    const machine = answer.place.number;
    truth.purged(id, calledAt, { machine, told: told.map(({ number }) => number) });
    const gone = deletedAt.get(answer.number);
    if (gone !== undefined) truth.takenDown(id, gone, machine);
    return true;
  }

  async function meta(at: number, ids: readonly string[]): Promise<void> {
    const calledAt = time.now;
    const answer = await ask(at, 'POST', '/v1/images/meta', asJson, JSON.stringify({ ids }));
    const { machine, number } = answer.place;
    log.push(`${answer.at % 1e8} machine ${number} meta ${answer.status} ${answer.body}`);
    if (answer.status !== 200) return;
    for (const { id, dominantColor } of JSON.parse(answer.body.toString()).images) {
      if (dominantColor === undefined) continue;
      const { failedAt } = machine.links.results;
      // The pictures of one call are described one after the other.
      truth.checkMeta({ machine: number, id, at: calledAt, status: 200, failedAt }, dominantColor);
    }
  }

  function put(id: string): void {
    versions += 1;
    const dear = versions % 2 === 0 ? 'avif' : 'heic';
    truth.put({ id, version: versions, format: id.endsWith('.avif') ? dear : 'jpeg' });
  }

  function replace(at: number): void {
    places[at] = start();
  }

  function heal(at: number): void {
    for (const link of Object.values(places[at]!.machine.links)) link.cut = 'no';
  }

  async function play(operation: Operation): Promise<unknown> {
    switch (operation.kind) {
      case 'look': {
        const { machine, id, preset, conditional } = operation;
        if (operation.cdn) return lookByCdn(machine, id, preset);
        return look(machine, id, preset, conditional ? tags.get(`${id} ${preset}`) : undefined);
      }
      case 'page':
        return Promise.all(PRESETS.map((preset) => look(operation.machine, operation.id, preset)));
      case 'meta':
        return meta(operation.machine, operation.ids);
      case 'purge':
        return purge(operation.machine, operation.id, operation.original);
      case 'purge many':
        return ask(operation.machine, 'POST', '/v1/purge', asJson, JSON.stringify({ ids: operation.ids }));
      case 'purge folder': {
        const { machine, folder } = operation;
        const calledAt = time.now;
        const { status, place } = await ask(machine, 'POST', '/v1/purge', asJson, JSON.stringify({ prefix: folder }));
        if (status === 202) truth.purged(folder, calledAt, { machine: place.number, told: [] });
        return;
      }
      case 'put':
        return put(operation.id);
      case 'put back': {
        const previous = truth.previous(operation.id);
        return previous && truth.put(previous);
      }
      case 'touch': {
        const there = originals.objects.get(operation.id);
        if (there) originals.objects.set(operation.id, { ...there, metadata: { touched: String(time.now) } });
        return;
      }
      case 'remove':
        truth.removed(operation.id);
        return originals.objects.delete(operation.id);
      case 'damage': {
        const key = recordKey(operation.id);
        const there = results.objects.get(key);
        if (!there) return;
        results.objects.set(key, { ...there, body: there.body.subarray(0, 20) });
        return truth.damaged(operation.id);
      }
      case 'cut': {
        const { links } = places[operation.machine]!.machine;
        const cut = operation.from === 'others' ? ([links.results, links.network] as const) : [links[operation.from]];
        for (const link of cut) link.cut = operation.how;
        return;
      }
      case 'heal':
        return heal(operation.machine);
      case 'kill':
        places[operation.machine]!.machine.host.alive = false;
        return replace(operation.machine);
      case 'restart': {
        const { machine } = places[operation.machine]!;
        replace(operation.machine);
        await time.on(machine.host, machine.stop);
        machine.host.alive = false;
        return;
      }
      case 'freeze': {
        const { host } = places[operation.machine]!.machine;
        if (host.frozen) return;
        time.freeze(host, operation.suspend ? operation.ms : 0);
        return time.after(operation.ms, () => time.thaw(host));
      }
      case 'clock ahead':
        places[operation.machine]!.machine.host.aheadMs += operation.ms;
    }
  }

  for (const id of IDS) put(id);
  for (const operation of plan.operations) {
    await time.pass(operation.afterMs);
    note(described(operation));
    void play(operation);
    truth.checkStore();
  }
  // All is well again, and left alone: what was begun is finished, by whichever machine.
  for (const at of places.keys()) heal(at);
  for (const { machine } of places) for (const link of Object.values(machine.links)) link.faults = 0;
  await time.pass(QUIET_MS);
  truth.checkStore();
  truth.checkLeftovers();
  truth.checkCdn(cdn.bodies());
  await finish();

  /** After one more purge of each, all machines answer the picture that there is, and say the same. */
  async function finish(): Promise<void> {
    const unpurged = await repeated(IDS, (id, tries) => purge(tries % plan.machines, id, false));
    for (const id of unpurged) truth.complain(`healthy machines could not purge ${id}`);
    await time.pass(windowMs + 1);
    settled = true;
    const wanted = IDS.flatMap((id) =>
      ['small', 'thumb'].flatMap((preset) => Array.from(places.keys(), (at) => ({ id, preset, at }))),
    );
    const unanswered = await repeated(wanted, async ({ id, preset, at }) => {
      return (await look(at, id, preset)) === (truth.current(id) ? 200 : 404);
    });
    for (const { id, at } of unanswered) truth.complain(`machine ${at} did not answer ${id} when all was well`);
    truth.checkStore();
  }

  /** Does something with all of these, and again with those where it failed. Those where it failed each time. */
  async function repeated<T>(all: readonly T[], attempt: (one: T, tries: number) => Promise<boolean>): Promise<T[]> {
    const left = new Set(all);
    for (let tries = 0; tries < TRIES && left.size > 0; tries += 1) {
      for (const one of left) void attempt(one, tries).then((well) => well && left.delete(one));
      await time.pass(ANSWERED_MS);
    }
    return [...left];
  }

  return { broken: truth.broken, counts: { ...truth.counts, calls: results.calls.length, purges }, log };
}

const urls = new Map<string, string>();

function urlOf(id: string, preset: string): string {
  const known = urls.get(`${preset} ${id}`);
  if (known !== undefined) return known;
  const signature = SIGNATURES.sign({ preset, id, expiresAt: undefined });
  const url = formatImagePath({ signature, preset, suffix: '', id, expiresAt: undefined });
  urls.set(`${preset} ${id}`, url);
  return url;
}
