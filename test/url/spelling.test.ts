import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DarkroomError } from '../../src/errors.ts';
import { formatImagePath } from '../../src/url/image-path.ts';
import { parseImageUrl } from '../../src/url/image-url.ts';
import { createSignatures } from '../../src/url/signature.ts';
import { createVerifier } from '../../src/url/verify.ts';
import { documentedSpellings, respelled, smallId, throws } from '../helpers/spellings.ts';
import { vectors } from '../helpers/vectors.ts';

const KEY = Buffer.alloc(32, 7);
const signatures = createSignatures([KEY]);
const signed = (preset: string, suffix: string, id: string) =>
  formatImagePath({
    signature: signatures.sign({ preset, id, expiresAt: undefined }),
    preset,
    suffix,
    id,
    expiresAt: undefined,
  });

function isRead(path: string): boolean {
  try {
    parseImageUrl(path);
    return true;
  } catch (error) {
    assert.ok(error instanceof DarkroomError && error.code === 'bad_request', path);
    return false;
  }
}

describe('one spelling', () => {
  it('reads the signers URLs, whatever the id, and the spellings that the documents name', () => {
    fc.assert(
      fc.property(
        smallId,
        fc.constantFrom(['thumb', ''], ['w_1,h_1', '@2x.webp'], ['my-card', '@2x']),
        (id, [preset = '', suffix = '']) => {
          const path = signed(preset, suffix, id);
          const wanted = parseImageUrl(path);
          assert.equal(wanted.id, id);
          for (const spelling of documentedSpellings(path)) assert.deepEqual(parseImageUrl(spelling), wanted, spelling);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('reads no other, and server and edge agree', async () => {
    const verify = createVerifier({ keys: [KEY] });
    let [read, refused] = [0, 0];
    await fc.assert(
      fc.asyncProperty(
        smallId,
        fc.constantFrom(['thumb', ''], ['w_1,h_1', '@2x.webp']),
        throws,
        fc.constantFrom(0, 5, 30),
        async (id, [preset = '', suffix = ''], coin, mischief) => {
          const path = signed(preset, suffix, id);
          const spelling = respelled(path, coin, mischief);
          const isOne = documentedSpellings(path).has(spelling);
          assert.equal(isRead(spelling), isOne, spelling);
          assert.equal((await verify(spelling)).ok, isOne, spelling);
          if (isOne) read += 1;
          else refused += 1;
        },
      ),
      { numRuns: 2000 },
    );
    assert.ok(read > 100 && refused > 100, `${read} read, ${refused} refused`);
  });

  it('reads every published vector, with hex digits in small letters too', () => {
    for (const { path, name } of vectors)
      for (const spelling of [path, path.replace(/%../g, (hex) => hex.toLowerCase())]) {
        assert.ok(isRead(spelling), name);
      }
  });

  it('is one of two for each character that may stand raw or encoded, and never a mixture', () => {
    for (const sign of "-._~()!'*+@:,/") {
      const hex = `%${sign.charCodeAt(0).toString(16).toUpperCase()}`;
      for (const id of [`a${sign}b${sign}c`, `a${hex}b${hex}c`]) assert.ok(isRead(`/s/thumb/${id}`), id);
      for (const id of [`a${sign}b${hex}c`, `a${hex}b${sign}c`, `a${sign}b${hex.toLowerCase()}c`])
        assert.ok(!isRead(`/s/thumb/${id}`), id);
    }
    for (const sign of 'azAZ09') {
      const hex = sign.charCodeAt(0).toString(16);
      for (const path of [`/s/thumb/%${hex}`, `/%${hex}/thumb/a`, `/s/%${hex}/a`]) assert.ok(!isRead(path), path);
    }
  });

  it('says no to mixtures, and to letters and digits that are encoded', () => {
    const good = [
      '/s-g/thumb/a-b',
      '/s/w_1,h_1/a%2Cb',
      '/s/card@2x/a%40b',
      '/s/card%402x/a%40b',
      '/s/thumb/a%2fb%c3%a9',
    ];
    for (const path of good) assert.ok(isRead(path), path);
    const bad = [
      ...['/s/thumb/%61', '/s/thumb/a%30', '/%73/thumb/a', '/s/th%75mb/a'],
      ...['/s/thumb/a.b%2Ec', '/s/thumb/a-b%2dc', '/s-g/thumb/a%2Db', '/s%2Dg/thumb/a-b', '/s/my-card/a%2Db'],
      ...['/s/card%402x/a@b', '/s/w_1%2Ch_1/a,b', '/s/w_1,w%2C1/a', '/s/thumb/a,b%2Cc'],
      ...['/s/thumb/a/b%2Fc', '/s/thumb/a//b', '/s/thumb/a/', '/s/thumb/a/%2F'],
      ...['/s/thumb/a%2Fb%c3%a9', '/s/thumb/%c3%A9', '/s/thumb/a%2fb%C3%A9'],
    ];
    for (const path of bad) assert.ok(!isRead(path), path);
  });
});
