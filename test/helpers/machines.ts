import { after } from 'node:test';
import sharp from 'sharp';
import type { ObjectStore } from '../../src/stores/store.ts';
import { startApp, type TestApp, type TestAppOptions } from './app.ts';
import { createMemoryStore } from './memory-store.ts';

export const API_TOKEN = 'a-token-of-the-tests';
/** Of machines that are told no other, in milliseconds: the defaults of the settings. */
export const WINDOW_MS = 30_000;
export const GRACE_MS = 600_000;

const pictureOf = (background: string) =>
  sharp({ create: { width: 400, height: 300, channels: 3, background } })
    .png()
    .toBuffer();
export const [red, green, blue] = await Promise.all([pictureOf('#d01010'), pictureOf('#10d010'), pictureOf('#1010d0')]);

/** A store that one machine cannot reach while `isDown`. */
export function unreachable(store: ObjectStore, isDown: () => boolean): ObjectStore {
  const refuse = () => Promise.reject(new Error('no route to the store'));
  return new Proxy(store, { get: (target, name) => (isDown() ? refuse : Reflect.get(target, name)) });
}

/** What an answer shows: its colour, or its status where it is none of the pictures. */
export async function shown(answer: Response | Promise<Response>): Promise<'red' | 'green' | 'blue' | number> {
  const { status } = await answer;
  const body = Buffer.from(await (await answer).arrayBuffer());
  return status === 200 ? colourOf(body) : status;
}

export async function colourOf(picture: Buffer): Promise<'red' | 'green' | 'blue'> {
  const { channels } = await sharp(picture).stats();
  const means = channels.slice(0, 3).map(({ mean }) => mean);
  return (['red', 'green', 'blue'] as const)[means.indexOf(Math.max(...means))] ?? 'red';
}

const running: TestApp[] = [];
after(() => Promise.all(running.map((app) => app.dispose())));

/**
 * Machines over one store of results and one of originals, each with its own memory; all go by one wall clock, which tests set
 * forward. `originals` by id; `all`: options of every machine.
 */
export function machinesOver(originals: Record<string, Buffer>, all: Partial<TestAppOptions> = {}) {
  const clock = { ms: Date.now() };
  const [source, results] = [createMemoryStore(originals), createMemoryStore()];
  async function start(options: Partial<TestAppOptions> = {}) {
    const app = await startApp({
      ...{ originals: source.store, deletable: source.store, results: results.store, apiToken: API_TOKEN },
      ...{ windowMs: WINDOW_MS, graceMs: GRACE_MS, now: () => clock.ms, ...all, ...options },
    });
    running.push(app);
    const ask = (preset: string, id: string, headers: Record<string, string> = {}) =>
      app.get(app.path(preset, id), { headers });
    const purge = async (id: string, query = '') => {
      const answer = await app.purge(id, query);
      // biome-ignore lint/suspicious/noExplicitAny: what a server answers is checked field by field
      return { status: answer.status, ...((await answer.json()) as any) };
    };
    const saved = () => app.saves.drain(60_000);
    return { ...app, ask, purge, saved, see: (preset: string, id: string) => shown(ask(preset, id)) };
  }
  return {
    ...{ clock, originals: source, results, start },
    /** Other bytes under an id, as a seller overwrites them in the bucket. */
    replace: (id: string, body: Buffer, metadata = {}) =>
      void source.objects.set(id, { body, contentType: undefined, cacheControl: undefined, metadata }),
    /** From one window after now on, nothing that a machine saw until now is trusted. */
    passWindow() {
      clock.ms += WINDOW_MS + 1;
    },
    /** What the renditions and proxy images in the result store show. */
    stored: () => Promise.all(results.made().map((key) => colourOf(results.objects.get(key)?.body ?? Buffer.alloc(0)))),
  };
}

export type Machine = Awaited<ReturnType<ReturnType<typeof machinesOver>['start']>>;
