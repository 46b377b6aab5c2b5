import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatImagePath } from '../../src/url/image-path.ts';
import { parseImageUrl } from '../../src/url/image-url.ts';
import { createSignatures } from '../../src/url/signature.ts';
import { parametersOf, vectors } from '../helpers/vectors.ts';

const keyA = Buffer.alloc(32, 1);
const keyB = Buffer.alloc(32, 2);
const parts = { preset: 'thumb', id: 'a/b.jpg', expiresAt: undefined };

describe('published vectors', () => {
  for (const vector of vectors) {
    it(vector.name, () => {
      const signatures = createSignatures([Buffer.from(vector.key, 'hex')]);
      const signed = { preset: vector.preset, id: vector.id, ...parametersOf(vector) };
      assert.equal(signatures.sign(signed), vector.signature);
      assert.equal(signatures.verify(vector.signature, signed), true);
      const url = { ...signed, suffix: vector.suffix, signature: vector.signature };
      assert.equal(formatImagePath(url), vector.path);
      assert.deepEqual(parseImageUrl(vector.path), url);
    });
  }
});

describe('signatures', () => {
  const signatures = createSignatures([keyA, keyB]);
  const good = signatures.sign(parts);

  it('signs with the first key and verifies with each', () => {
    assert.equal(good, createSignatures([keyA]).sign(parts));
    assert.ok(signatures.verify(createSignatures([keyB]).sign(parts), parts));
    assert.ok(!createSignatures([keyB]).verify(good, parts));
  });

  it('refuses every other text', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const last = alphabet.indexOf(good.at(-1) as string);
    const trailingBitTwins = [1, 2, 3].map((bits) => good.slice(0, -1) + alphabet[last ^ bits]);
    const truncated = Array.from({ length: good.length }, (_, length) => good.slice(0, length));
    const flipped = Array.from(
      good,
      (letter, at) => good.slice(0, at) + (letter === 'A' ? 'B' : 'A') + good.slice(at + 1),
    );
    const odd = [
      `${good}A`,
      `${good}==`,
      good.toLowerCase(),
      good.toUpperCase(),
      'é'.repeat(22),
      '€'.repeat(8),
      ' '.repeat(22),
    ];
    for (const bad of [...trailingBitTwins, ...truncated, ...flipped, ...odd]) {
      assert.equal(signatures.verify(bad, parts), false, bad);
    }
  });

  it('covers preset, id and expiry', () => {
    assert.ok(!signatures.verify(good, { ...parts, preset: 'small' }));
    assert.ok(!signatures.verify(good, { ...parts, id: 'a/c.jpg' }));
    assert.ok(!signatures.verify(good, { ...parts, expiresAt: 1 }));
  });

  it('needs a key', () => {
    assert.throws(() => createSignatures([]), /at least one/i);
  });
});
