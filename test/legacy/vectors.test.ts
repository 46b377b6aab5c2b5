import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLegacyUrls, SCHEME_READERS } from '../../src/legacy/legacy-urls.ts';
import { LegacyRefusal, type LegacySettings } from '../../src/legacy/scheme.ts';
import vectors from '../url/legacy-vectors.json' with { type: 'json' };

const hex = (text: string) => text.split(',').map((key) => Buffer.from(key, 'hex'));

function settingsOf(vector: { scheme: string; key: string; salt?: string; signatureSize?: number }): LegacySettings {
  const imgproxy = vector.scheme === 'imgproxy';
  return {
    scheme: vector.scheme as LegacySettings['scheme'],
    ...{ keys: imgproxy ? hex(vector.key) : [Buffer.from(vector.key)], salts: hex(vector.salt ?? '') },
    ...{ signatureSize: vector.signatureSize ?? 32, cloud: undefined, negotiate: false },
    ...{
      sources: [
        { from: 'http://example.com/', to: 'x/' },
        { from: 'http://google.com/', to: 'g/' },
      ],
    },
    ...{ watermark: undefined, presets: {} },
  };
}

/** Another last letter of the signature, or another first one of what it covers. */
function forged(path: string): string[] {
  const at = path.indexOf('--/') > 0 ? path.indexOf('--/') - 1 : path.indexOf('/', 1) - 2;
  const letter = path[at] === 'A' ? 'B' : 'A';
  return [`${path.slice(0, at)}${letter}${path.slice(at + 1)}`, `${path}x`];
}

describe('URLs of their own documentation', () => {
  for (const vector of vectors.vectors) {
    it(`${vector.scheme}: ${vector.source}`, () => {
      const settings = settingsOf(vector);
      const urls = createLegacyUrls(settings);
      const candidate = urls.candidate(vector.path);
      assert.ok(candidate);
      if (vector.refused) {
        const names = (error: unknown) =>
          error instanceof LegacyRefusal && error.kind === 'unknown_option' && error.message.startsWith(vector.refused);
        assert.throws(() => candidate.read(), names);
      } else {
        assert.equal(candidate.read()?.recipe, vector.recipe);
        const { [settings.scheme]: reader } = SCHEME_READERS;
        const split = reader.split(vector.path, settings);
        assert.equal(split && reader.read(split, settings).source, vector.original);
      }
      for (const path of forged(vector.path))
        assert.throws(() => urls.candidate(path)?.read(), { kind: 'bad_signature' }, path);
    });
  }
});

describe('signatures of their own tests', () => {
  for (const { signature, text, ...vector } of vectors.signatures) {
    it(`${vector.scheme}: ${vector.source}`, () => {
      const settings = settingsOf(vector);
      const split = { signed: [text], rest: text };
      const { verify } = SCHEME_READERS.imgproxy;
      assert.equal(verify({ ...split, signature }, settings), true);
      assert.equal(verify({ ...split, signature: `${signature}A` }, settings), false);
      assert.equal(verify({ ...split, signature: signature.slice(1) }, settings), false);
      assert.equal(verify({ ...split, signature: undefined }, settings), false);
    });
  }
});
