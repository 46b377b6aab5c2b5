import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { after, before, describe, it, type TestContext } from 'node:test';
import sharp from 'sharp';
import { createSignatures } from '../../src/url/signature.ts';
import { startApp, TEST_KEY, type TestApp } from '../helpers/app.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { type RawAnswer, rawExchange, rawGet, splitAnswers } from '../helpers/raw-http.ts';

const definitions = {
  thumb: { width: 40, height: 40, fit: 'cover', format: 'webp', pixelRatios: [1, 2, 3] },
  card: { width: 30, height: 30, fit: 'inside', format: 'auto' },
};
const picture = (background: string) =>
  sharp({ create: { width: 60, height: 50, channels: 3, background } })
    .png()
    .toBuffer();
const photo = await picture('#3366cc');

const originals = createMemoryStore();
const results = createMemoryStore();
let renders = 0;
let app: TestApp;
before(async () => {
  app = await startApp({
    ...{ originals: originals.store, results: results.store, definitions },
    wrapRenderer: (renderer) => ({
      ...renderer,
      render(...sent) {
        renders += 1;
        return renderer.render(...sent);
      },
    }),
  });
});
after(() => app.dispose());

let attacks = 0;
const tried = (context: TestContext, count: number) => {
  attacks += count;
  context.diagnostic(`${count} attacks, ${attacks} so far`);
};
const put = (id: string, body = photo) =>
  originals.objects.set(id, { body, contentType: undefined, cacheControl: undefined, metadata: {} });
const get = (path: string, headers: Record<string, string> = {}) => rawGet(app.baseUrl, path, { headers });
/** Everything that an attack must leave as it was. */
const state = () => ({
  ...{ originals: originals.calls.length, results: results.calls.length, renders },
  ...{ flights: app.flights.size, running: app.queue.running, waiting: app.queue.waiting, cached: app.cache.entries },
});
/** It, once what earlier tests left to be saved is. */
async function atRest() {
  await app.saves.drain(60_000);
  return state();
}
const codeOf = ({ status, headers }: RawAnswer) => `${status} ${headers['x-error'] ?? ''}`.trim();

/** A good URL in its parts, with an id whose signature holds a sign of the URL alphabet. */
function goodUrl(preset = 'thumb') {
  for (let n = 0; ; n += 1) {
    const id = `shop/photo-${n}.jpg`;
    const [, signature = ''] = app.path(preset, id).split('/');
    if (/[-_]/.test(signature) && /[a-z]/.test(signature) && /[A-Z]/.test(signature)) return { id, signature };
  }
}

describe('forged signatures', () => {
  const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  function forgeries(): [what: string, signature: string][] {
    const { id, signature } = goodUrl();
    const bytes = Buffer.from(signature, 'base64url');
    const flipped = (bit: number) => {
      const other = Buffer.from(bytes);
      other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return other.toString('base64url');
    };
    const mac = (key: crypto.BinaryLike, text: string, algorithm = 'sha256') =>
      crypto.createHmac(algorithm, key).update(text).digest();
    const text = `darkroom:v1\nthumb\n${id}\n`;
    const last = ALPHABET.indexOf(signature.at(-1) ?? '');
    const letter = signature.search(/[a-z]/);
    return [
      ...Array.from({ length: 128 }, (_, bit): [string, string] => [`bit ${bit} flipped`, flipped(bit)]),
      ...Array.from({ length: 21 }, (_, at): [string, string] => [`cut to ${at + 1}`, signature.slice(0, at + 1)]),
      ...Array.from({ length: 9 }, (_, at): [string, string] => [
        `stretched to ${at + 23}`,
        signature + 'A'.repeat(at + 1),
      ]),
      ...Array.from({ length: 16 }, (_, bits) => (last & ~15) | bits)
        .filter((twin) => twin !== last)
        .map((twin): [string, string] => [`trailing-bit twin ${twin}`, signature.slice(0, -1) + ALPHABET[twin]]),
      ['empty', ''],
      ['padded', `${signature}=`],
      ['padded twice', `${signature}==`],
      ['padded, encoded', `${signature}%3D%3D`],
      ['in the other alphabet', encodeURIComponent(bytes.toString('base64'))],
      ['in the other alphabet without padding', encodeURIComponent(bytes.toString('base64').replace(/=+$/, ''))],
      ['in hex', bytes.toString('hex')],
      ['the whole digest', mac(TEST_KEY, text).toString('base64url')],
      ['in small letters', signature.toLowerCase()],
      ['in capitals', signature.toUpperCase()],
      [
        'one letter in capitals',
        signature.slice(0, letter) + signature.charAt(letter).toUpperCase() + signature.slice(letter + 1),
      ],
      ['reversed', [...signature].reverse().join('')],
      ['twice', signature + signature],
      ['with a space', `${signature}%20`],
      ['behind a space', `%20${signature}`],
      ['with a NUL', `${signature}%00`],
      ['with a newline', `${signature}%0A`],
      ['encoded twice', [...Buffer.from(signature)].map((byte) => `%25${byte.toString(16)}`).join('')],
      [
        'in full-width letters',
        encodeURIComponent(String.fromCodePoint(...[...signature].map((c) => (c.codePointAt(0) ?? 0) + 0xfee0))),
      ],
      ['with a soft hyphen', `${signature.slice(0, 5)}%C2%AD${signature.slice(5)}`],
      ['by another key', mac(Buffer.alloc(32, 8), text).subarray(0, 16).toString('base64url')],
      ['by an empty key', mac('', text).subarray(0, 16).toString('base64url')],
      ['by the key in hex', mac(TEST_KEY.toString('hex'), text).subarray(0, 16).toString('base64url')],
      ['by SHA-1', mac(TEST_KEY, text, 'sha1').subarray(0, 16).toString('base64url')],
      ['by SHA-512', mac(TEST_KEY, text, 'sha512').subarray(0, 16).toString('base64url')],
      ['without its version', mac(TEST_KEY, text.replace('darkroom:v1\n', '')).subarray(0, 16).toString('base64url')],
      ['of the id alone', mac(TEST_KEY, id).subarray(0, 16).toString('base64url')],
      ['a plain hash', crypto.createHash('sha256').update(text).digest().subarray(0, 16).toString('base64url')],
      ['the end of the digest', mac(TEST_KEY, text).subarray(16).toString('base64url')],
      ['zeroes', 'A'.repeat(22)],
      ['the word unsafe', 'unsafe'],
      ['a star', '*'],
      ['of 10,000 letters', 'x'.repeat(10_000)],
    ];
  }

  it('are 403 each, before any store, render or place in the queue', async (context) => {
    const { id, signature } = goodUrl();
    put(id);
    const cases = forgeries();
    const then = await atRest();
    for (const [what, forged] of cases) {
      assert.notEqual(forged, signature, what);
      const answer = await get(`/${forged}/thumb/${forged.includes('%') ? encodeURIComponent(id) : id}`);
      assert.equal(codeOf(answer), '403 bad_signature', what);
      assert.ok(!answer.body.includes(signature), what);
      assert.equal(answer.headers.etag, undefined);
    }
    for (const headers of [{ 'if-none-match': '*' }, { range: 'bytes=0-' }, { authorization: `Bearer ${signature}` }])
      assert.equal(codeOf(await get(`/${'A'.repeat(22)}/thumb/${id}`, headers)), '403 bad_signature');
    assert.deepEqual(state(), then);
    assert.equal(codeOf(await get(`/${signature}/thumb/${id}`)), '200');
    tried(context, cases.length + 3);
  });

  it('replayed on anything else are 403 each', async (context) => {
    const { id, signature } = goodUrl();
    const soon = Math.floor(Date.now() / 1000) + 1000;
    const [, expiring = ''] = app.path('thumb', id, soon).split('/');
    put(id);
    const replays: [what: string, path: string][] = [
      ['another id', `/${signature}/thumb/other.jpg`],
      ['an id in capitals', `/${signature}/thumb/${id.toUpperCase()}`],
      ['an id with more', `/${signature}/thumb/${id}x`],
      ['an id with less', `/${signature}/thumb/${id.slice(0, -1)}`],
      ['an id with a slash more', `/${signature}/thumb/${encodeURIComponent(`${id}/`)}`],
      ['an id with a space more', `/${signature}/thumb/${id}%20`],
      ['another preset', `/${signature}/card/${id}`],
      ['a preset in capitals', `/${signature}/THUMB/${id}`],
      ['a preset cut short', `/${signature}/thum/${id}`],
      ['an inline recipe', `/${signature}/w_40,h_40/${id}`],
      ['a preset that ends elsewhere', `/${signature}/thum/b${id}`],
      ['itself, put in twice', `/${signature}/${signature}/thumb/${id}`],
      ['an expiry added', `/${signature}/thumb/${id}?exp=${soon}`],
      ['an expiry removed', `/${expiring}/thumb/${id}`],
      ['an expiry later', `/${expiring}/thumb/${id}?exp=${soon + 1}`],
      ['an expiry on another id', `/${expiring}/thumb/x.jpg?exp=${soon}`],
      ['a suffix in the id', `/${signature}/thumb/@2x/${id}`],
    ];
    const then = await atRest();
    for (const [what, path] of replays) assert.equal(codeOf(await get(path)), '403 bad_signature', what);
    for (const [what, path] of [
      ['a newline in the preset', `/${signature}/thumb%0A${id.replace('/', '%2F')}/x`],
      ['a newline in the id', `/${signature}/thumb/${id}%0A`],
    ] as const)
      assert.equal(codeOf(await get(path)), '400 bad_request', what);
    assert.deepEqual(state(), then);
    tried(context, replays.length + 2);
  });

  it('are compared in one step whatever differs, and not at all when the length does', (context) => {
    const signatures = createSignatures([TEST_KEY]);
    const parts = { preset: 'thumb', id: 'a.jpg', expiresAt: undefined };
    const good = signatures.sign(parts);
    const first = (good[0] === 'A' ? 'B' : 'A') + good.slice(1);
    const last = good.slice(0, -1) + (good.at(-1) === 'A' ? 'Q' : 'A');
    const compare = context.mock.method(crypto, 'timingSafeEqual');
    syncBuiltinESMExports();
    try {
      assert.deepEqual(
        [first, last, good.slice(1), ''].map((text) => [signatures.verify(text, parts), compare.mock.callCount()]),
        [
          [false, 1],
          [false, 2],
          [false, 2],
          [false, 2],
        ],
      );
    } finally {
      compare.mock.restore();
      syncBuiltinESMExports();
    }
    const took = (text: string) => {
      const since = process.hrtime.bigint();
      signatures.verify(text, parts);
      return Number(process.hrtime.bigint() - since);
    };
    const samples = Array.from({ length: 10_000 }, () => [took(first), took(last)] as const);
    const median = (which: 0 | 1) => samples.map((pair) => pair[which]).sort((a, b) => a - b)[5000];
    context.diagnostic(`10000 pairs: wrong at the first letter ${median(0)} ns, at the last ${median(1)} ns (medians)`);
  });
});

describe('paths, encodings and Unicode', () => {
  it('mean one rendition or are refused: never a second render, never a second stored object', async (context) => {
    const nfc = 'caf\u00e9/a b.jpg';
    const nfd = nfc.normalize('NFD');
    for (const id of [nfc, nfd, 'café/A B.JPG', 'café/a b.jpg/', 'a b.jpg']) put(id);
    const good = app.path('thumb', nfc);
    const [, signature = '', , ...rest] = good.split('/');
    const tail = rest.join('/');
    const first = await get(good);
    assert.equal(first.status, 200);
    await app.saves.drain(60_000);
    const then = await atRest();
    const stored = [...results.objects.keys()];
    const at = (id: string, preset = 'thumb') => `/${signature}/${preset}/${id}`;
    const hex = (text: string) => [...Buffer.from(text)].map((byte) => `%${byte.toString(16)}`).join('');

    const same = [
      good.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
      at(tail.replace('/', '%2F')),
      `http://evil.example${good}`,
      `HTTP://evil.example:1${good}`,
      `https://user:pass@evil.example${good}`,
    ];
    for (const path of same) {
      const answer = await get(path);
      assert.deepEqual([answer.status, answer.headers.etag], [200, first.headers.etag], path);
    }

    const moved = [at(tail, 'thumb@1x'), at(tail, 'thumb%401x'), at(tail, 'thumb.webp'), at(tail, 'thumb@1x.webp')];
    for (const path of moved) {
      const { status, headers } = await get(path);
      assert.deepEqual([status, headers.location], [301, good], path);
    }

    const refused: [path: string, code: string][] = [
      [at(tail.replace('/', '%2f')), '400 bad_request'],
      [at(hex(nfc)), '400 bad_request'],
      [at(hex(nfc).toUpperCase()), '400 bad_request'],
      [at(tail, hex('thumb')), '400 bad_request'],
      [`/${hex(signature)}/thumb/${tail}`, '400 bad_request'],
      [`/${good}`, '403 bad_signature'],
      [`//evil.example${good}`, '403 bad_signature'],
      [`/.${good}`, '403 bad_signature'],
      [`/..${good}`, '403 bad_signature'],
      [`/%2e%2e${good}`, '400 bad_request'],
      [`/x/..${good}`, '403 bad_signature'],
      [`${good}/`, '400 bad_request'],
      [`${good}//`, '400 bad_request'],
      [`${good}/.`, '400 bad_request'],
      [`${good}/..`, '400 bad_request'],
      [`${good}/%2e%2e/x`, '400 bad_request'],
      [`${good}/..%2fx`, '400 bad_request'],
      [`${good}%2f%2e%2e`, '400 bad_request'],
      [`${good}/%252e%252e`, '400 bad_request'],
      [`${good}/..%5cx`, '400 bad_request'],
      [`${good}/..\\x`, '400 bad_request'],
      [at(`/${tail}`), '400 bad_request'],
      [at(`%2F${tail}`), '400 bad_request'],
      [at(`./${tail}`), '400 bad_request'],
      [at(tail.replace('/', '//')), '400 bad_request'],
      [at(tail.replace('/', '\\')), '403 bad_signature'],
      [at(tail.replace('/', '%5C')), '403 bad_signature'],
      [at(tail.replace('/', '%252F')), '403 bad_signature'],
      [at(tail.replaceAll('%', '%25')), '403 bad_signature'],
      [at(tail.replace('%20', '+')), '403 bad_signature'],
      [at(encodeURIComponent(nfd)), '403 bad_signature'],
      [at(encodeURIComponent(nfc.toUpperCase())), '403 bad_signature'],
      [at(tail.replace('/', '%EF%BC%8F')), '403 bad_signature'],
      [at(`${tail}%E2%80%8B`), '403 bad_signature'],
      [at(`%EF%BB%BF${tail}`), '403 bad_signature'],
      [at(`${tail}%E2%80%AE`), '403 bad_signature'],
      [at(`${tail}%C2%AD`), '403 bad_signature'],
      [`${good};x`, '403 bad_signature'],
      [`${good};jsessionid=1`, '403 bad_signature'],
      [`${good}%3Fx=1`, '403 bad_signature'],
      [`${good}%23x`, '403 bad_signature'],
      [`${good}.`, '403 bad_signature'],
      [`${good}%20`, '403 bad_signature'],
      [`${good}.jpg`, '403 bad_signature'],
      [`${good}&x=1`, '403 bad_signature'],
      [`${good}?`, '400 bad_request'],
      [`${good}?x=1`, '400 bad_request'],
      [`${good}?utm_source=x`, '400 bad_request'],
      [`${good}?width=9000`, '400 bad_request'],
      [`${good}??`, '400 bad_request'],
      [`${good}?%65xp=1`, '400 bad_request'],
      [`${good}?${'a=1&'.repeat(3000)}`, '400 bad_request'],
      [`${good}#x`, '400 bad_request'],
      [`${good}%00`, '400 bad_request'],
      [`${good}%0a`, '400 bad_request'],
      [`${good}%0d%0aSet-Cookie:%20a=b`, '400 bad_request'],
      [`${good}%7f`, '400 bad_request'],
      [`${good}%c2%85`, '400 bad_request'],
      [`${good}%`, '400 bad_request'],
      [`${good}%2`, '400 bad_request'],
      [`${good}%zz`, '400 bad_request'],
      [`${good}%u002e`, '400 bad_request'],
      [`${good}%c0%af`, '400 bad_request'],
      [`${good}%c0%80`, '400 bad_request'],
      [`${good}%ed%a0%80`, '400 bad_request'],
      [`${good}%f4%90%80%80`, '400 bad_request'],
      [`${good}%ff`, '400 bad_request'],
      [at(''), '400 bad_request'],
      [at(tail, 'thumb@01x'), '404 unknown_preset'],
      [at(tail, 'thumb@1.0x'), '404 unknown_preset'],
      [at(tail, 'thumb@1X'), '404 unknown_preset'],
      [at(tail, 'thumb@'), '404 unknown_preset'],
      [at(tail, 'thumb@x'), '404 unknown_preset'],
      [at(tail, 'thumb@-1x'), '404 unknown_preset'],
      [at(tail, 'thumb@1e0x'), '404 unknown_preset'],
      [at(tail, 'thumb@99x'), '404 unknown_preset'],
      [at(tail, 'thumb@40w'), '404 unknown_preset'],
      [at(tail, 'thumb@1x@1x'), '404 unknown_preset'],
      [at(tail, 'thumb.'), '404 unknown_preset'],
      [at(tail, 'thumb.WEBP'), '404 unknown_preset'],
      [at(tail, 'thumb.webp.webp'), '404 unknown_preset'],
      [at(tail, 'thumb.webp@1x'), '404 unknown_preset'],
      [at(tail, 'thumb.svg'), '404 unknown_preset'],
      [at(tail, 'thumb.gif'), '404 unknown_preset'],
      [at(tail, 'thumb%20'), '403 bad_signature'],
      [at(tail, 'thumb%2F'), '400 bad_request'],
      [at(tail, 'Thumb'), '403 bad_signature'],
    ];
    for (const [path, code] of refused) assert.equal(codeOf(await get(path)), code, path);
    await app.saves.drain(60_000);
    assert.deepEqual({ ...state(), results: then.results }, then);
    assert.deepEqual([...results.objects.keys()], stored);
    tried(context, same.length + refused.length);
  });

  it('that name what programs are made of are names like others', async (context) => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', 'prototype'];
    for (const name of names) {
      assert.equal(codeOf(await get(app.path(name, 'a.jpg'))), '404 unknown_preset', name);
      assert.equal(codeOf(await get(app.path('thumb', name))), '404 original_not_found', name);
      put(name);
      assert.equal(codeOf(await get(app.path('thumb', name))), '200', name);
    }
    assert.equal(codeOf(await get(app.path('thumb', '.quarantine/x.jpg'))), '404 original_not_found');
    tried(context, names.length * 3 + 1);
  });

  it('ids of up to 512 bytes are served however they are encoded, longer ones are 400 without a store', async (context) => {
    const sizes = [1, 99, 100, 101, 255, 256, 500, 511, 512];
    for (const bytes of sizes) {
      for (const id of ['i'.repeat(bytes), 'é'.repeat(Math.max(1, bytes >> 1))]) {
        put(id);
        assert.equal(codeOf(await get(app.path('thumb', id))), '200', `${bytes}`);
        const encoded = encodeURIComponent(id).toLowerCase();
        const [, signature] = app.path('thumb', id).split('/');
        assert.equal(codeOf(await get(`/${signature}/thumb/${encoded}`)), '200', `${bytes} encoded`);
      }
    }
    const then = await atRest();
    const long = [
      'i'.repeat(513),
      'é'.repeat(257),
      'i'.repeat(5000),
      '%69'.repeat(5000),
      '/'.repeat(600),
      'a/'.repeat(300),
    ];
    for (const id of long) assert.equal(codeOf(await get(`/${'A'.repeat(22)}/thumb/${id}`)), '400 bad_request');
    assert.deepEqual(state(), then);
    tried(context, sizes.length * 4 + long.length);
  });
});

describe('expiring URLs', () => {
  it('end at their second, and no cache may keep an answer longer', async (context) => {
    // The one tolerance there is: none. Whoever signs adds what clocks may differ.
    const exp = 2_000_000_000;
    put('expiring.jpg');
    const path = app.path('thumb', 'expiring.jpg', exp);
    const clock = context.mock.timers;
    const rows: [what: string, now: number, code: string, maxAge?: number][] = [
      ['5 years before', exp - 5 * 31_557_600, '200', 31_536_000],
      ['a clock 30 s slow', exp - 30, '200', 30],
      ['1 s before', exp - 1, '200', 1],
      ['1 ms before', exp - 0.001, '200', 0],
      ['at its second', exp, '410 expired'],
      ['1 s after', exp + 1, '410 expired'],
      ['a clock 30 s fast', exp + 30, '410 expired'],
      ['5 years after', exp + 5 * 31_557_600, '410 expired'],
    ];
    for (const [what, now, code, maxAge] of rows) {
      clock.enable({ apis: ['Date'], now: Math.round(now * 1000) });
      const answer = await get(path);
      const again = await get(path, { 'if-none-match': '*' });
      clock.reset();
      assert.equal(codeOf(answer), code, what);
      assert.equal(again.status, code === '200' ? 304 : 410, what);
      if (maxAge === undefined) continue;
      for (const { headers } of [answer, again])
        assert.equal(headers['cache-control'], `public, max-age=${maxAge}, immutable`, what);
    }
    tried(context, rows.length * 2);
  });

  it('have one spelling of their time, well signed or not', async (context) => {
    const then = await atRest();
    const odd = [
      ...[
        '',
        '0',
        '-1',
        '-2000000000',
        '+2000000000',
        '02000000000',
        '2e9',
        '0x77359400',
        '2000000000.0',
        'NaN',
        'null',
      ],
      ...[
        'Infinity',
        '2000000000000',
        '9'.repeat(30),
        '2000000000%20',
        '%202000000000',
        '２０００００００００',
        '2000000000L',
      ],
      ...['2000000000&exp=2000000000', '1&exp=2000000000', '2000000000&x=1', '2000000000;', '2000000000#', '[]'],
    ];
    for (const time of odd) {
      const target = `/${createSignatures([TEST_KEY]).sign({ preset: 'thumb', id: 'expiring.jpg', expiresAt: time as never })}/thumb/expiring.jpg?exp=${encodeURI(time)}`;
      assert.equal(codeOf(await get(target)), '400 bad_request', time);
    }
    const queries = ['EXP=2000000000', 'exp[]=2000000000', 'exp', '&exp=2000000000', 'exp=2000000000&'];
    for (const query of queries) {
      const [path] = app.path('thumb', 'expiring.jpg', 2_000_000_000).split('?');
      assert.equal(codeOf(await get(`${path}?${query}`)), '400 bad_request', query);
    }
    assert.deepEqual(state(), then);
    tried(context, odd.length + queries.length);
  });
});

describe('poisoned caches', () => {
  const VARIES = new Set(['date', 'x-request-id', 'server-timing', 'connection', 'keep-alive', 'cache-status']);
  const lasting = ({ status, headers, body }: RawAnswer) => ({
    status,
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !VARIES.has(name))),
    body: status === 200 ? body.toString('base64') : JSON.parse(`${body}` || '{}').error,
  });

  it('no header but Accept changes an answer, and Accept only where the format follows it', async (context) => {
    put('poison.jpg');
    const targets = [
      ...[app.path('thumb', 'poison.jpg'), app.path('card.webp', 'poison.jpg'), app.path('card', 'poison.jpg')],
      ...[app.path('thumb', 'none.jpg'), `/${'A'.repeat(22)}/thumb/poison.jpg`, '/favicon.ico', '/health'],
    ];
    const headers: Record<string, string>[] = [
      { 'x-forwarded-host': 'evil.example' },
      { 'x-forwarded-proto': 'gopher' },
      { 'x-forwarded-prefix': '/evil' },
      { 'x-forwarded-for': '127.0.0.1' },
      { 'x-forwarded-port': '22' },
      { forwarded: 'for=127.0.0.1;host=evil.example;proto=http' },
      { 'x-original-url': '/health' },
      { 'x-rewrite-url': '/health' },
      { 'x-http-method-override': 'DELETE' },
      { 'x-method-override': 'PUT' },
      { 'x-host': 'evil.example' },
      { host: 'evil.example' },
      { host: '' },
      { cookie: 'session=1; admin=true' },
      { authorization: 'Bearer x' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { referer: 'https://evil.example/' },
      { 'accept-encoding': 'gzip, br, zstd' },
      { 'accept-language': 'xx' },
      { 'user-agent': 'Mozilla/5.0 (bot)' },
      { 'cache-control': 'no-cache, max-age=0' },
      { pragma: 'no-cache' },
      { range: 'bytes=0-9' },
      { range: `bytes=${Array.from({ length: 50 }, (_, n) => `${n}-${n + 5}`).join(',')}` },
      { 'if-modified-since': 'Thu, 01 Jan 2099 00:00:00 GMT' },
      { 'if-none-match': '"other"' },
      { 'if-match': '"other"' },
      { 'if-range': '"other"' },
      { 'content-type': 'text/html' },
      { te: 'trailers, gzip' },
      { 'x-request-id': 'mine' },
      { dpr: '3', width: '9000', 'viewport-width': '1' },
      { 'save-data': 'on' },
      { 'sec-fetch-site': 'cross-site' },
      { 'proxy-connection': 'keep-alive' },
      { via: '1.1 evil' },
      { 'x-api-version': '2' },
    ];
    for (const target of targets) {
      const plain = lasting(await get(target));
      for (const sent of headers) {
        const got = lasting(await get(target, sent));
        assert.deepEqual(got, plain, `${target} ${JSON.stringify(sent)}`);
        assert.doesNotMatch(JSON.stringify(got.headers), /evil|gopher/);
      }
      assert.equal(plain.headers.vary, target === targets[2] ? 'Accept' : undefined, target);
    }
    const junk = ['text/html', '', ',,,', 'image/*', ';;;=', '*/*;q=0', 'image/avif;q=0', `image/${'x'.repeat(8000)}`];
    for (const target of targets.filter((_, at) => at !== 2)) {
      const plain = lasting(await get(target));
      for (const accept of junk) assert.deepEqual(lasting(await get(target, { accept })), plain);
    }
    tried(context, targets.length * headers.length + (targets.length - 1) * junk.length);
  });

  it('Accept leads to three renditions at most, each with its own ETag and bytes', async (context) => {
    put('accept.jpg');
    const path = app.path('card', 'accept.jpg');
    const byEtag = new Map<unknown, Set<string>>();
    const parts = [
      'image/avif',
      'image/webp',
      'image/*',
      '*/*',
      'image/avif;q=0',
      'image/webp;q=0.1',
      'IMAGE/WEBP',
      'text/html',
      'image/jxl',
      ' image/avif ;q=1',
    ];
    const before = renders;
    let asked = 0;
    for (const one of parts) {
      for (const two of parts) {
        const { status, headers, body } = await get(path, { accept: `${one},${two}` });
        assert.deepEqual([status, headers.vary], [200, 'Accept']);
        const seen = byEtag.get(headers.etag) ?? new Set();
        byEtag.set(headers.etag, seen.add(`${headers['content-type']} ${crypto.hash('sha256', body)}`));
        asked += 1;
      }
    }
    assert.equal(byEtag.size, 3);
    for (const bodies of byEtag.values()) assert.equal(bodies.size, 1);
    assert.equal(new Set([...byEtag.values()].flatMap((bodies) => [...bodies])).size, 3);
    assert.equal(renders - before, 3);
    tried(context, asked);
  });

  it('a refusal that comes of headers is kept by nobody', async (context) => {
    put('refused.jpg');
    const target = app.path('thumb', 'refused.jpg');
    const head = `GET ${target} HTTP/1.1\r\n`;
    const asked: [what: string, text: string, status: number][] = [
      ['a header too large', `${head}Host: x\r\nX: ${'a'.repeat(17_000)}\r\n\r\n`, 431],
      ['too many headers', `${head}Host: x\r\n${'a: b\r\n'.repeat(120)}\r\n`, 431],
      ['a control character', `${head}Host: x\r\nX: a\x01\r\n\r\n`, 400],
      ['a bell in a name', `${head}Host: x\r\nX\x07: a\r\n\r\n`, 400],
      ['two hosts', `${head}Host: x\r\nHost: y\r\n\r\n`, 400],
      ['no host', `${head}\r\n`, 400],
      ['a body', `${head}Host: x\r\nContent-Length: 1\r\n\r\nx`, 400],
      ['an empty chunked body', `${head}Host: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
      ['an expectation', `${head}Host: x\r\nExpect: tea\r\n\r\n`, 417],
      ['another version', `GET ${target} HTTP/2.0\r\nHost: x\r\n\r\n`, 505],
      ['another method', `POST ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, 405],
    ];
    for (const [what, text, status] of asked) {
      const { answers } = splitAnswers(await rawExchange(app.port, text));
      assert.deepEqual(
        answers.map((each) => each.status),
        [status],
        what,
      );
      assert.match(answers[0]?.head ?? '', /cache-control: no-store\r\n/i, what);
    }
    tried(context, asked.length);
  });

  it('ids and presets that look alike keep their own pictures', async (context) => {
    const ids = [
      'x',
      'X',
      'x/',
      'x/y',
      'x%2Fy',
      'x%252Fy',
      'x y',
      'x+y',
      'x%20y',
      'x.jpg',
      'x.jpg.webp',
      'x/thumb',
      'x/original.json',
    ];
    const more = [
      'thumb',
      'thumb@2x',
      'x@2x',
      'x\u00e9',
      'xe\u0301',
      'x~',
      'x?exp=1',
      'x#y',
      'x&y',
      "x'y",
      '-x',
      'x\u200b',
    ];
    const colours = new Map<string, number>();
    for (const [at, id] of [...ids, ...more].entries()) {
      const grey = 10 + at * 9;
      colours.set(id, grey);
      put(id, await picture(`rgb(${grey},${grey},${grey})`));
    }
    const before = results.made().length;
    const checked = async () => {
      for (const [id, grey] of colours) {
        for (const preset of ['thumb', 'thumb@2x', 'card', 'w_40,h_40,fit_cover,f_png']) {
          const { status, body } = await get(app.path(preset, id));
          assert.equal(status, 200, id);
          const { data } = await sharp(body).greyscale().raw().toBuffer({ resolveWithObject: true });
          assert.ok(Math.abs((data[0] ?? 0) - grey) <= 3, `${id}: ${data[0]} for ${grey}`);
        }
      }
    };
    await checked();
    await app.saves.drain(60_000);
    assert.equal(results.made().length - before, colours.size * 4);
    // Once more out of the store, as another process would.
    const { cache } = app;
    for (const id of colours.keys()) cache.deleteBelow(`${encodeURIComponent(id)}/`);
    await checked();
    tried(context, colours.size * 4);
  });
});

describe('methods, upgrades and expectations', () => {
  it('are refused with what there is, or ignored', async (context) => {
    put('method.jpg');
    const target = app.path('thumb', 'method.jpg');
    const send = async (line: string, headers = '') => {
      const text = await rawExchange(
        app.port,
        `${line} HTTP/1.1\r\nHost: x\r\n${headers || 'Connection: close\r\n'}\r\n`,
      );
      return splitAnswers(text).answers;
    };
    const methods = [
      'POST',
      'PUT',
      'PATCH',
      'DELETE',
      'OPTIONS',
      'TRACE',
      'PROPFIND',
      'PURGE',
      'LOCK',
      'MOVE',
      'SEARCH',
      'QUERY',
      'LINK',
      'SUBSCRIBE',
    ];
    for (const method of methods) {
      const [answer] = await send(`${method} ${target}`, 'Connection: close\r\nCookie: secret\r\n');
      assert.equal(answer?.status, 405, method);
      assert.match(answer?.head ?? '', /allow: GET, HEAD\r\n/i, method);
      assert.doesNotMatch(`${answer?.head}${answer?.body}`, /secret/, method);
    }
    for (const line of ['CONNECT x:443', 'CONNECT 127.0.0.1:22', `CONNECT ${target}`, 'OPTIONS *'])
      assert.equal((await send(line))[0]?.status, 405, line);
    for (const line of [`BREW ${target}`, `get ${target}`, `G\0ET ${target}`, `GE T ${target}`])
      assert.equal((await send(line))[0]?.status, 400, line);
    assert.equal((await send('GET *'))[0]?.status, 404);
    const upgrades = [
      'Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n',
      'Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n',
      'Connection: upgrade, close\r\nUpgrade: TLS/1.3\r\n',
      'Connection: close\r\nExpect: 100-continue\r\n',
      'Connection: close, host, x-forwarded-for\r\n',
    ];
    for (const headers of upgrades) {
      const answers = await send(`GET ${target}`, headers);
      assert.equal(answers.at(-1)?.status, 200, headers);
      assert.ok(
        answers.every(({ status }) => status === 200 || status === 100),
        headers,
      );
    }
    assert.equal((await send(`GET ${target}`, 'Expect: 200-ok\r\n'))[0]?.status, 417);
    tried(context, methods.length + 10 + upgrades.length);
  });
});

describe('all attacks together', () => {
  it('are many, and the next good request is served', async (context) => {
    put('last.jpg');
    assert.equal(codeOf(await get(app.path('thumb', 'last.jpg'))), '200');
    assert.deepEqual([app.flights.size, app.queue.running, app.queue.waiting], [0, 0, 0]);
    context.diagnostic(`${attacks} attacks in this file`);
    assert.ok(attacks >= 500, `${attacks}`);
  });
});
