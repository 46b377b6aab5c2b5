import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import sharp from 'sharp';
import { startApp, type TestApp } from '../helpers/app.ts';
import { legalId } from '../helpers/arbitraries.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { rawGet } from '../helpers/raw-http.ts';
import { documentedSpellings, respelled, smallId, throws } from '../helpers/spellings.ts';

const photo = await sharp({ create: { width: 20, height: 10, channels: 3, background: '#123456' } })
  .png()
  .toBuffer();
const originals = createMemoryStore();
const results = createMemoryStore();
let app: TestApp;
before(async () => {
  app = await startApp({ originals: originals.store, results: results.store });
});
after(() => app.dispose());

describe('ids, from the signer through HTTP to the store', () => {
  it('arrive unchanged, whatever they are', async () => {
    await fc.assert(
      fc.asyncProperty(legalId, async (id) => {
        originals.objects.set(id, { body: photo, contentType: undefined, cacheControl: undefined, metadata: {} });
        const { status } = await rawGet(app.baseUrl, app.path('avatar-small', id));
        assert.equal(status, 200);
        assert.ok(originals.calls.includes(`get ${id}`));
      }),
      { numRuns: 150 },
    );
  });

  it('keep results in one folder each, however alike they look', async () => {
    const ids = ['a/b', 'a%2Fb', 'a b', 'a+b', 'caf\u00e9', 'cafe\u0301', 'A/B', '📷'];
    for (const id of ids) {
      originals.objects.set(id, { body: photo, contentType: undefined, cacheControl: undefined, metadata: {} });
      assert.equal((await rawGet(app.baseUrl, app.path('thumb', id))).status, 200);
    }
    await app.saves.drain(60_000);
    for (const id of ids)
      assert.ok(
        [...results.objects.keys()].some((key) => key.startsWith(`${encodeURIComponent(id)}/thumb-`)),
        id,
      );
  });

  it('verify in every encoding that a CDN gives the URL, and are one rendition', async () => {
    const id = "x/(~+é*!'@:;,=&$) y%2F.jpg";
    originals.objects.set(id, { body: photo, contentType: undefined, cacheControl: undefined, metadata: {} });
    const path = app.path('thumb', id);
    const [, signature = '', , ...rest] = path.split('/');
    const spellings = [
      path,
      path.replace(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase()),
      `/${signature}/thumb/${encodeURIComponent(id)}`,
      path.replaceAll('(', '%28').replaceAll('~', '%7E').replaceAll('*', '%2A'),
      path
        .replaceAll('%2B', '+')
        .replaceAll('%40', '@')
        .replaceAll('%3A', ':')
        .replaceAll('%3B', ';')
        .replaceAll('%2C', ','),
      `/${signature}/thumb/${rest.join('%2F').replaceAll('.', '%2E')}`,
    ];
    const before = originals.count('get');
    const etags = new Set<unknown>();
    for (const spelling of spellings) {
      const answer = await rawGet(app.baseUrl, spelling);
      assert.equal(answer.status, 200, spelling);
      etags.add(answer.headers.etag);
    }
    assert.equal(etags.size, 1);
    assert.equal(originals.count('get'), before + 1);
  });

  it('have few spellings that are answered: of 64 by six characters, 8', async (context) => {
    const id = 'listings/42/front-1.jpg';
    originals.objects.set(id, { body: photo, contentType: undefined, cacheControl: undefined, metadata: {} });
    // The signature must have no hyphen, which would have to be encoded with the id's.
    const expiresAt = Array.from({ length: 1000 }, (_, at) => 4_000_000_000 + at).find(
      (at) => !app.path('thumb', id, at).split('/')[1]?.includes('-'),
    );
    const path = app.path('thumb', id, expiresAt);
    const start = path.indexOf('listings');
    const places = [...['l', '/42', '42', '/front', '-', '.'].map((text) => path.indexOf(text, start))];
    const answered: string[] = [];
    for (let bits = 0; bits < 64; bits += 1) {
      const spelling = [...path]
        .map((sign, at) =>
          places.includes(at) && bits & (1 << places.indexOf(at))
            ? `%${sign.charCodeAt(0).toString(16).toUpperCase()}`
            : sign,
        )
        .join('');
      const { status } = await rawGet(app.baseUrl, spelling);
      if (status === 200) answered.push(spelling);
      else assert.equal(status, 400, spelling);
    }
    context.diagnostic(`${answered.length} of 64 spellings are answered`);
    assert.equal(answered.length, 8);
    const documented = documentedSpellings(path.replace(/\?.*/, ''));
    assert.ok(answered.every((spelling) => documented.has(spelling.replace(/\?.*/, ''))));
  });

  it('are answered in the documented spellings and in no other', async () => {
    let [answered, refused] = [0, 0];
    await fc.assert(
      fc.asyncProperty(smallId, throws, fc.constantFrom(0, 10), async (id, coin, mischief) => {
        originals.objects.set(id, { body: photo, contentType: undefined, cacheControl: undefined, metadata: {} });
        const path = app.path('avatar-small', id);
        const spelling = respelled(path, coin, mischief);
        const { status } = await rawGet(app.baseUrl, spelling);
        assert.equal(status, documentedSpellings(path).has(spelling) ? 200 : 400, spelling);
        if (status === 200) answered += 1;
        else refused += 1;
      }),
      { numRuns: 200 },
    );
    assert.ok(answered > 10 && refused > 10, `${answered} answered, ${refused} refused`);
  });

  it('never reach a store when they are tricks, however well signed', async () => {
    const tricks = [
      ...[
        '../secret',
        '..',
        '.',
        'a/../b',
        'a/./b',
        '/etc/passwd',
        'a\0b',
        '\0',
        'a\nb',
        '%2e%2e/secret',
        '..%2fsecret',
        '%252e%252e/secret',
      ],
      ...['a%00b', '..\\secret', 'a\\..\\b', '%2e%2e%5csecret', 'x'.repeat(513), 'é'.repeat(257)],
    ];
    const before = originals.calls.length;
    for (const id of tricks) {
      const [, signature] = app.path('thumb', id).split('/');
      const { status, headers } = await rawGet(app.baseUrl, `/${signature}/thumb/${encodeURIComponent(id)}`);
      assert.deepEqual([status, headers['x-error']], [400, 'bad_request'], JSON.stringify(id));
    }
    for (const path of [
      '/../../etc/passwd',
      '/s/thumb/../../etc/passwd',
      '/s/thumb/%2e%2e/%2e%2e/etc/passwd',
      '/s/thumb/..%2f..%2fetc',
      '/s/thumb/%c0%ae%c0%ae/x',
    ]) {
      const { status } = await rawGet(app.baseUrl, path);
      assert.ok(status === 400 || status === 403, path);
    }
    assert.equal(originals.calls.length, before);
  });
});

describe('wrong signatures', () => {
  it('are 403 whatever they look like, and cost no store call', async () => {
    const good = app.path('thumb', 'a.jpg');
    const [, signature = '', ...rest] = good.split('/');
    const tail = rest.join('/');
    const wrong = [
      '',
      'a',
      signature.slice(0, -1),
      `${signature}A`,
      `${signature}==`,
      signature.toLowerCase(),
      '!'.repeat(22),
      '%20'.repeat(22),
      '%C3%A9'.repeat(22),
      'x'.repeat(4000),
      '+/'.repeat(11).slice(0, -1),
      '..',
      '%00',
    ];
    // What earlier tests left to be saved.
    await app.saves.drain(60_000);
    const before = [originals.calls.length, results.calls.length];
    for (const bad of wrong) {
      const { status, headers, body } = await rawGet(app.baseUrl, `/${bad}/${tail}`);
      assert.deepEqual([status, headers['x-error']], [403, 'bad_signature'], bad);
      assert.doesNotMatch(body.toString(), new RegExp(signature));
    }
    assert.equal((await rawGet(app.baseUrl, `/${signature}/small/a.jpg`)).status, 403);
    assert.equal((await rawGet(app.baseUrl, `/${signature}/thumb/b.jpg`)).status, 403);
    assert.equal((await rawGet(app.baseUrl, `${good}?exp=1999999999`)).status, 403);
    assert.deepEqual([originals.calls.length, results.calls.length], before);
  });
});
