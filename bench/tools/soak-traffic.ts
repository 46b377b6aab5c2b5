import { Agent, request } from 'node:http';
import type { Fault } from '../../test/helpers/fault-proxy.ts';
import { seededRandom } from './options.ts';

/** What a request is meant to be. */
export type Kind = 'hit' | 'not modified' | 'miss' | 'abort' | 'bad URL' | 'bad file' | 'store fault';

/** Of a hundred requests. */
export const SHARES: Readonly<Record<Kind, number>> = {
  hit: 60,
  'not modified': 10,
  miss: 14,
  abort: 5,
  'bad URL': 3,
  'bad file': 3,
  'store fault': 5,
};

/** Each as often as its share. */
const KINDS = Object.entries(SHARES).flatMap(([kind, share]) => Array<Kind>(share).fill(kind as Kind));

/** A fault of the stores, where it strikes, and what the client is to hear of it. */
export interface Planted {
  readonly stage: 'original get' | 'result get' | 'result put';
  readonly fault: Fault;
  readonly status: number;
}

const PLANTED: readonly Planted[] = [
  { stage: 'original get', fault: 'silence', status: 504 },
  { stage: 'original get', fault: 'stalled body', status: 504 },
  { stage: 'original get', fault: 'reset', status: 502 },
  { stage: 'original get', fault: 'cut short', status: 502 },
  { stage: 'original get', fault: '503 SlowDown', status: 502 },
  { stage: 'original get', fault: '403 AccessDenied', status: 502 },
  { stage: 'result get', fault: 'silence', status: 200 },
  { stage: 'result get', fault: 'reset', status: 200 },
  { stage: 'result get', fault: '500 InternalError', status: 200 },
  { stage: 'result put', fault: 'silence', status: 200 },
  { stage: 'result put', fault: '503 SlowDown', status: 200 },
];

/** What is there to be asked for, beside what a signed path is. */
export interface Shop {
  /** Originals that are sound. */
  readonly photos: readonly string[];
  /** Originals that only requests with a planted fault ask for; none while there is no proxy. */
  readonly faulty: readonly string[];
  /** Originals that are not, with the status that each is to be answered with. */
  readonly bad: readonly (readonly [id: string, status: number])[];
  path(preset: string, id: string): string;
  plant(id: string, planted: Planted): void;
}

export interface Outcome {
  readonly kind: Kind;
  /** `aborted` when we left before the answer, `failed` when the connection broke. */
  readonly status: number | 'aborted' | 'failed';
  /** To the last byte. */
  readonly ms: number;
  /** None of what this request may be answered with. */
  readonly wrong?: string;
}

interface Plan {
  readonly kind: Kind;
  readonly path: string;
  readonly expected: readonly number[];
  readonly headers?: Record<string, string>;
  readonly abortAfterMs?: number;
}

const HIT_PRESETS = ['thumb', 'small', 'medium', 'avatar-medium'];
const MISS_RECIPES = ['w_150,h_150,fit_cover', 'w_300', 'w_600', 'w_256,h_256,fit_cover,z_3', 'w_900', 'w_48,h_48'];
const MISS_FORMATS = ['webp', 'webp', 'jpeg', 'avif'];
const ABORT_WITHIN_MS = 120;
const MOST_UNDER_WAY = 400;
const WARM_AT_A_TIME = 4;
/** A busy machine's store may be late now and then. */
const WARM_TRIES = 10;

/** Requests to one server at a mean rate, arriving as they like (Poisson), by a seed. Never more than 400 under way. */
export function createTraffic(baseUrl: string, shop: Shop, seed: number) {
  const { hostname, port } = new URL(baseUrl);
  const random = seededRandom(seed);
  const oneOf = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const agent = new Agent({ keepAlive: true, maxSockets: MOST_UNDER_WAY });
  const etags = new Map<string, string>();
  let made = 0;

  /** No rendition that anybody asked for before. */
  function newPreset(): string {
    made += 1;
    const format = oneOf(MISS_FORMATS);
    return `${oneOf(MISS_RECIPES)},f_${format},bg_${made.toString(16).padStart(6, '0')}`;
  }

  function badUrl(): Plan {
    const good = shop.path('small', oneOf(shop.photos));
    const other = good[1] === 'A' ? 'B' : 'A';
    return oneOf<Plan>([
      { kind: 'bad URL', path: `/${other}${good.slice(2)}`, expected: [403] },
      { kind: 'bad URL', path: `${good}?size=large`, expected: [400] },
      { kind: 'bad URL', path: `${good}/%2e%2e/secret`, expected: [400] },
      { kind: 'bad URL', path: shop.path('no-such-preset', oneOf(shop.photos)), expected: [404] },
      { kind: 'bad URL', path: '/wp-login.php', expected: [404] },
      { kind: 'bad URL', path: shop.path('small', 'no-such-original.jpg'), expected: [404] },
    ]);
  }

  function plan(): Plan {
    const kind = oneOf(KINDS);
    const [photo, preset] = [oneOf(shop.photos), oneOf(HIT_PRESETS)];
    const kept = shop.path(preset, photo);
    if (kind === 'not modified')
      return { kind, path: kept, expected: [304], headers: { 'if-none-match': etags.get(kept) ?? '*' } };
    if (kind === 'miss') return { kind, path: shop.path(newPreset(), photo), expected: [200] };
    if (kind === 'abort') {
      const path = shop.path(newPreset(), photo);
      return { kind, path, expected: [200], abortAfterMs: random() * ABORT_WITHIN_MS };
    }
    if (kind === 'bad URL') return badUrl();
    if (kind === 'bad file') {
      const [id, status] = oneOf(shop.bad);
      return { kind, path: shop.path(newPreset(), id), expected: [status] };
    }
    if (kind === 'store fault' && shop.faulty.length > 0) {
      const planted = oneOf(PLANTED);
      const id = shop.faulty[made % shop.faulty.length] ?? '';
      shop.plant(id, planted);
      // 200 as well: of an original that was decoded before, a whole picture may be there, and nobody asks the store.
      return { kind, path: shop.path(newPreset(), id), expected: [planted.status, 200] };
    }
    return { kind: 'hit', path: kept, expected: [200] };
  }

  function send({ kind, path, expected, headers = {}, abortAfterMs }: Plan): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const since = performance.now();
    let aborted = false;
    const settle = (status: Outcome['status']) => {
      clearTimeout(abort);
      const ms = performance.now() - since;
      const right = typeof status === 'number' ? expected.includes(status) : status === 'aborted';
      resolve({ kind, status, ms, ...(right ? {} : { wrong: `${kind}: ${status} for ${path}` }) });
    };
    // In parts: a URL as a whole would have its dots resolved on the way.
    const outgoing = request({ hostname, port, path, agent, headers }, (answer) => {
      const etag = answer.headers.etag;
      if (kind === 'hit' && etag) etags.set(path, etag);
      answer.on('error', () => settle(aborted ? 'aborted' : 'failed'));
      answer.on('end', () => settle(answer.statusCode ?? 0));
      answer.resume();
    });
    outgoing.on('error', () => settle(aborted ? 'aborted' : 'failed'));
    const abort =
      abortAfterMs === undefined
        ? undefined
        : setTimeout(() => {
            aborted = true;
            outgoing.destroy();
          }, abortAfterMs);
    outgoing.end();
    return promise;
  }

  return {
    /** Asks for everything that `hit` will ask for, until it is there. Not counted: nothing of it was a hit yet. */
    async warm(): Promise<void> {
      const paths = shop.photos.flatMap((photo) => HIT_PRESETS.map((preset) => shop.path(preset, photo)));
      const next = async () => {
        for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
          const plan: Plan = { kind: 'hit', path, expected: [200] };
          let outcome = await send(plan);
          for (let tries = 1; outcome.wrong && tries < WARM_TRIES; tries += 1) outcome = await send(plan);
          if (outcome.wrong) throw new Error(`the server did not warm up: ${outcome.wrong}`);
        }
      };
      await Promise.all(Array.from({ length: WARM_AT_A_TIME }, next));
    },
    /** For so long, at so many requests a second; resolves when all are answered. */
    async run(ms: number, rate: number, onOutcome: (outcome: Outcome) => void): Promise<void> {
      const underWay = new Set<Promise<void>>();
      const end = performance.now() + ms;
      const done = Promise.withResolvers<void>();
      let due = performance.now();
      const arrive = () => {
        // A scheduler that was late sends what has become due at once, as a crowd would.
        for (; due <= performance.now() && due < end; due += (-Math.log(1 - random()) / rate) * 1000) {
          if (underWay.size >= MOST_UNDER_WAY) continue;
          const sent: Promise<void> = send(plan()).then((outcome) => {
            underWay.delete(sent);
            onOutcome(outcome);
          });
          underWay.add(sent);
        }
        if (due >= end) return done.resolve();
        setTimeout(arrive, due - performance.now());
      };
      arrive();
      await done.promise;
      await Promise.all(underWay);
    },
    close: () => agent.destroy(),
  };
}
