import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfigError, readConfig } from '../../src/process/config.ts';

const read = (environment: Record<string, string>) => {
  const named = Object.entries(environment).map(([name, value]) => [`DARKROOM_LEGACY${name}`, value]);
  return readConfig(Object.fromEntries(named), 8 * 1024 ** 3, 2).legacy;
};
const imgproxy = { '': 'imgproxy', _KEY: '736563726574', _SALT: '68656C6C6F' };
const thumbor = { '': 'thumbor', _KEY: 'my-security-key' };

describe('the settings of old URLs', () => {
  it('are none where none is named', () => assert.equal(read({}), undefined));

  it('read keys as each server has them', () => {
    const { keys, salts, signatureSize } = read({ ...imgproxy, _SIGNATURE_SIZE: '12' }) ?? assert.fail();
    assert.deepEqual([keys, salts, signatureSize], [[Buffer.from('secret')], [Buffer.from('hello')], 12]);
    const rotated = read({ '': 'imgproxy', _KEY: 'aa, bb', _SALT: 'cc,dd' });
    assert.deepEqual(rotated?.keys, [Buffer.from('aa', 'hex'), Buffer.from('bb', 'hex')]);
    assert.deepEqual(read(thumbor)?.keys, [Buffer.from('my-security-key')]);
    const whole = read({
      '': 'cloudinary',
      _KEY: 'cloudinary://874837483274837:a676b67565c6767a6767d6767f676fe1@demo',
    });
    assert.deepEqual([whole?.keys, whole?.cloud], [[Buffer.from('a676b67565c6767a6767d6767f676fe1')], 'demo']);
    const secret = read({ '': 'cloudinary', _KEY: 'abcd' });
    assert.deepEqual([secret?.keys, secret?.cloud], [[Buffer.from('abcd')], undefined]);
  });

  it('read sources with commas or spaces between them', () => {
    const found = read({
      ...thumbor,
      _SOURCE: 'https://CDN.example.com/Photos/=shop/, s3://bucket/= cdn/= =all/*.jpg',
    })?.sources;
    assert.deepEqual(found, [
      { from: 'https://cdn.example.com/Photos/', to: 'shop/' },
      { from: 's3://bucket/', to: '' },
      { from: 'cdn/', to: '' },
      { from: '', to: 'all/*.jpg' },
    ]);
  });

  it("read presets with imgproxy's commas, or with semicolons", () => {
    const { presets } = read({ ...imgproxy, _PRESETS: 'default=rs:fill:3:4/q:60,sharp=sh:0.7' }) ?? assert.fail();
    assert.deepEqual(presets, { default: 'rs:fill:3:4/q:60', sharp: 'sh:0.7' });
    const named = read({ '': 'cloudinary', _KEY: 'abcd', _PRESETS: 'card=c_fill,w_100;wide=w_900/q_auto' })?.presets;
    assert.deepEqual(named, { card: 'c_fill,w_100', wide: 'w_900/q_auto' });
  });

  for (const [what, environment, sentence] of [
    ['no key', { '': 'thumbor' }, /DARKROOM_LEGACY_KEY is not set: expected the key that thumbor signs with/],
    ['no salt', { '': 'imgproxy', _KEY: 'aa' }, /DARKROOM_LEGACY_SALT=\(hidden\) cannot be used: expected hex digits/],
    ['fewer salts than keys', { ...imgproxy, _KEY: 'aa,bb' }, /DARKROOM_LEGACY_SALT=\(hidden\)/],
    ['a key that is no hex', { ...imgproxy, _KEY: 'secret-words' }, /DARKROOM_LEGACY_KEY=\(hidden\) cannot be used/],
    ['a salt of another server', { ...thumbor, _SALT: 'aa' }, /only imgproxy has one/],
    ['another server', { ...thumbor, '': 'imagor' }, /DARKROOM_LEGACY=imagor cannot be used: expected imgproxy or/],
    ['a key alone', { _KEY: 'secret-words' }, /DARKROOM_LEGACY_KEY is set without DARKROOM_LEGACY/],
    ['a signature that can be guessed', { ...imgproxy, _SIGNATURE_SIZE: '2' }, /expected a whole number from 6 to 32/],
    [
      'a prefix that ends within a host',
      { ...thumbor, _SOURCE: 'https://cdn.example.com=shop/' },
      /DARKROOM_LEGACY_SOURCE.*slash at its end/,
    ],
    [
      'an id that begins with a slash',
      { ...thumbor, _SOURCE: 'https://cdn.example.com/=/shop' },
      /DARKROOM_LEGACY_SOURCE/,
    ],
    ['one prefix twice', { ...thumbor, _SOURCE: 'https://a.b/=x/ https://A.b/=y/' }, /DARKROOM_LEGACY_SOURCE/],
    ['presets that are none', { ...thumbor, _PRESETS: 'card' }, /DARKROOM_LEGACY_PRESETS/],
  ] as const) {
    it(`refuse ${what}, and show no key`, () => {
      const problem = (error: unknown) =>
        error instanceof ConfigError &&
        sentence.test(error.message) &&
        !/secret-words|736563726574/.test(error.message);
      assert.throws(() => read(environment), problem);
    });
  }
});
