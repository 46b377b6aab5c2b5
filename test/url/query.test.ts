import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DarkroomError } from '../../src/errors.ts';
import { formatImagePath, type SignedParameters, signedText } from '../../src/url/image-path.ts';
import { parseImageUrl } from '../../src/url/image-url.ts';
import { createSignatures } from '../../src/url/signature.ts';
import { createVerifier } from '../../src/url/verify.ts';
import { legalId } from '../helpers/arbitraries.ts';
import { throws } from '../helpers/spellings.ts';

const KEY = Buffer.alloc(32, 7);
const signatures = createSignatures([KEY]);

const text = (most: number, least = 0) =>
  fc
    .string({ unit: 'grapheme', minLength: least, maxLength: most })
    .filter((value) => value.isWellFormed() && !/\p{Cc}/u.test(value) && Buffer.byteLength(value) <= 4 * most);
const name = fc.string({ unit: fc.constantFrom(...'abz019_.'), minLength: 1, maxLength: 30 });
/** Parameters of all kinds, absent where they were not chosen. */
const parameters: fc.Arbitrary<SignedParameters> = fc
  .record({
    expiresAt: fc.option(fc.integer({ min: 1, max: 999_999_999_999 }), { nil: undefined }),
    download: fc.option(text(40, 1), { nil: undefined }),
    version: fc.option(text(20, 1), { nil: undefined }),
    variables: fc.option(fc.dictionary(name, text(20), { minKeys: 1, maxKeys: 8, noNullPrototype: true }), {
      nil: undefined,
    }),
  })
  .map(({ expiresAt, ...others }) => ({
    expiresAt,
    ...Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined)),
  }));

function read(path: string): ReturnType<typeof parseImageUrl> | undefined {
  try {
    return parseImageUrl(path);
  } catch (error) {
    assert.ok(error instanceof DarkroomError && error.code === 'bad_request', path);
    return undefined;
  }
}

describe('the query', () => {
  it('gives back whatever was signed', () => {
    fc.assert(
      fc.property(legalId, parameters, (id, signed) => {
        const parts = { preset: 'thumb', id, ...signed };
        const url = { signature: signatures.sign(parts), suffix: '', ...parts };
        const parsed = parseImageUrl(formatImagePath(url));
        assert.deepEqual(parsed, url);
        assert.ok(signatures.verify(parsed.signature, parsed));
      }),
      { numRuns: 300 },
    );
  });

  it('is signed as version 1 with no parameter but exp, for ever', () => {
    assert.equal(signedText('thumb', 'a', { expiresAt: undefined }), 'darkroom:v1\nthumb\na\n');
    assert.equal(signedText('thumb', 'a', { expiresAt: 5 }), 'darkroom:v1\nthumb\na\n5');
    assert.equal(
      signedText('thumb', 'a', { expiresAt: 5, version: '1', download: 'n', variables: { b: '2', 'a.a': '' } }),
      'darkroom:v2\nthumb\na\ndl=n\nexp=5\nt.a.a=\nt.b=2\nv=1',
    );
  });

  it('has no two sets of parameters with one signed text', () => {
    fc.assert(
      fc.property(parameters, parameters, (a, b) => {
        const same = formatImagePath({ signature: '', preset: '', suffix: '', id: 'a', ...a });
        const other = formatImagePath({ signature: '', preset: '', suffix: '', id: 'a', ...b });
        assert.equal(signedText('p', 'a', a) === signedText('p', 'a', b), same === other);
      }),
    );
  });

  it('is read in one spelling: each character raw or encoded throughout, names raw and in order', async () => {
    const verify = createVerifier({ keys: [KEY] });
    const value = fc
      .array(fc.constantFrom('a', '7', '.', '-', '/', '~', "'", '(', '+', '=', '&', '?', '%', ' ', 'é', '@'), {
        minLength: 1,
        maxLength: 6,
      })
      .map((signs) => signs.join(''));
    const seen = { read: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(value, value, throws, fc.constantFrom(0, 0, 5, 40), async (dl, v, coin, mischief) => {
        const toss = () => coin.next().value ?? 0;
        const choice = new Map<string, boolean>();
        const used = new Map<string, Set<boolean>>();
        const spell = (sign: string) => {
          const must = /[&%?# é]/.test(sign);
          if (!choice.has(sign)) choice.set(sign, !/[a-z0-9]/i.test(sign) && toss() < 50);
          const encoded = must || choice.get(sign) !== toss() < mischief;
          if (!must) used.set(sign, (used.get(sign) ?? new Set()).add(encoded));
          const hex = Array.from(Buffer.from(sign), (byte) => `%${byte.toString(16).padStart(2, '0').toUpperCase()}`);
          return encoded ? hex.join('') : sign;
        };
        const [first, second] = [[...dl].map(spell).join(''), [...v].map(spell).join('')];
        const signature = signatures.sign({ preset: 'p', id: 'a', expiresAt: undefined, download: dl, version: v });
        const path = `/${signature}/p/a?dl=${first}&v=${second}`;
        const one = [...used].every(([sign, ways]) => ways.size === 1 && !(ways.has(true) && /[a-z0-9]/i.test(sign)));
        const signs = /[-_]/.test(signature);
        // The signature has signs of its own, which are raw.
        const mixed = signs && ['-', '_'].some((sign) => signature.includes(sign) && used.get(sign)?.has(true));
        const parsed = read(path);
        assert.equal(parsed !== undefined, one && !mixed, path);
        assert.equal((await verify(path)).ok, one && !mixed, path);
        assert.equal(read(`/${signature}/p/a?v=${second}&dl=${first}`), undefined);
        if (parsed) assert.deepEqual([parsed.download, parsed.version], [dl, v]);
        seen[parsed ? 'read' : 'refused'] += 1;
      }),
      { numRuns: 1500 },
    );
    assert.ok(seen.read > 200 && seen.refused > 100, JSON.stringify(seen));
  });

  it('is refused or read, whatever a stranger writes', async () => {
    const verify = createVerifier({ keys: [KEY] });
    const piece = fc.constantFrom(
      ...[
        'dl',
        'exp',
        'v',
        't.',
        't.a',
        't.b',
        '=',
        '=',
        '&',
        '1',
        '99999999999',
        'a',
        '%0A',
        '%41',
        '%2e',
        '.',
        '+',
        '%',
        '?',
      ],
      ...['dl=a', 'exp=1', 't.a=', 't.b=x', 'v=2', '&', '&v=1', '&t.a=1'],
      ...['__proto__', 'constructor', '%C3%A9', '%ff', '/', '%2F', '%2f', ';', '[]', '#', 'é'],
    );
    let [accepted, refused] = [0, 0];
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
        const path = `/s/p/a?${pieces.join('')}`;
        const url = read(path);
        const verdict = await verify(path);
        assert.equal(!verdict.ok && verdict.status, url ? 403 : 400, path);
        refused += url ? 0 : 1;
        if (!url) return;
        accepted += 1;
        // What was read is what a signer writes, in some spelling of its values.
        const again = formatImagePath(url);
        assert.deepEqual(read(again), url);
        assert.equal(again.replace(/=[^&]*/g, ''), path.replace(/=[^&]*/g, ''), path);
      }),
      { numRuns: 5000 },
    );
    assert.ok(accepted > 50 && refused > 1000, `${accepted} read, ${refused} refused`);
  });

  it('may differ from the id in what signers write raw there: slashes, and quotes as browsers encode them', () => {
    for (const path of [
      '/s/p/a/b?dl=x%2Fy',
      '/s/p/a%2Fb?dl=x%2Fy',
      '/s/p/a/b?dl=x/y',
      "/s/p/it's?dl=it%27s",
      '/s/p/a%40?dl=%40',
    ])
      assert.ok(read(path), path);
    for (const path of [
      '/s/p/a%2Fb?dl=x/y',
      "/s/p/it%27s?dl=it's",
      '/s/p/a-b?dl=a%2Db',
      '/s/p/a+b?dl=a%2Bb',
      '/s/p/%c3%a9?dl=%C3%A9',
    ])
      assert.equal(read(path), undefined, path);
  });

  it('is written so that browsers leave it as it is', () => {
    fc.assert(
      fc.property(legalId, parameters, (id, signed) => {
        const path = formatImagePath({ signature: 's', preset: 'p', suffix: '', id, ...signed });
        const { search } = new URL(path, 'https://img.example.com');
        assert.equal(search, /\?.*/s.exec(path)?.[0] ?? '');
      }),
    );
  });
});
