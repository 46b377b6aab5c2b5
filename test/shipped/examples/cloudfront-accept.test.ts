import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { createPresets } from '../../../src/presets/presets.ts';
import { BUILT_IN_PRESETS } from '../../../src/url/built-in-presets.ts';

const code = readFileSync(new URL('../../../examples/cloudfront/accept.js', import.meta.url), 'utf8');
type Header = { value: string; multiValue?: { value: string }[] };
interface Request {
  readonly method: string;
  readonly uri: string;
  readonly headers: Record<string, Header>;
}
/** The function as CloudFront has it: a global called `handler`, and nothing of Node around it. */
const context: { handler?: (event: { request: Request }) => Request } = {};
runInNewContext(code, context);

/** What reaches the cache key and the origin. */
function normalised(uri: string, accept: Header | undefined): string | undefined {
  const headers: Record<string, Header> = { host: { value: 'img.example.com' }, ...(accept ? { accept } : {}) };
  const request = context.handler?.({ request: { method: 'GET', uri, headers } });
  assert.deepEqual([request?.uri, request?.headers.host?.value], [uri, 'img.example.com']);
  return request?.headers.accept?.value;
}

const definitions = {
  ...BUILT_IN_PRESETS,
  card: { width: 400, height: 300, widths: [200] },
  wide: { width: 1500, height: 1500 },
};
const server = createPresets({ definitions, inline: true, faces: true });
const THREE = ['image/avif,image/webp', 'image/webp', 'image/*'];

describe('the CloudFront Function', () => {
  it('leaves of any Accept one of three, by which the server chooses as before', () => {
    const range = fc.tuple(
      fc.constantFrom('image/avif', 'image/webp', ' image/WebP ', 'image/*', '*/*', 'image/avifx', 'text/html'),
      fc.constantFrom('', ';q=0', '; q=0.000', ';q=0.01', ';v=b3;q=1'),
    );
    const line = fc.array(range, { maxLength: 5 }).map((ranges) => ranges.map((parts) => parts.join('')).join(','));
    const preset = fc.constantFrom(
      'card',
      'card@200w',
      'card.webp',
      'card@2x.jpeg',
      'thumb',
      'large@2x',
      'w_300',
      'w_300,f_png',
    );
    const seen = new Set<string>();
    fc.assert(
      fc.property(preset, line, (asked, accept) => {
        const [, name = '', suffix = ''] = /^([^@.]*)(.*)$/.exec(asked) ?? [];
        const left = normalised(`/signature/${asked}/a/b.c/d.jpg`, { value: accept }) ?? '';
        assert.ok(THREE.includes(left), left);
        assert.equal(
          server.resolve(name, suffix, left).recipe.output,
          server.resolve(name, suffix, accept).recipe.output,
        );
        seen.add(`${name} ${left}`);
      }),
      { numRuns: 2000 },
    );
    for (const left of THREE) assert.ok(seen.has(`card ${left}`), left);
    assert.deepEqual([seen.has('thumb image/*'), seen.has('thumb image/webp')], [true, false]);
  });

  it('reads Accept when it comes in several lines or not at all', () => {
    const lines = { value: 'text/html', multiValue: [{ value: 'text/html' }, { value: 'image/avif' }] };
    assert.equal(normalised('/s/card/a.jpg', lines), THREE[0]);
    assert.equal(normalised('/s/card/a.jpg', undefined), THREE[2]);
    assert.equal(normalised('/', { value: 'image/webp' }), THREE[1]);
  });

  it('lets one AVIF reader decide for all of them', () => {
    // Above 2 megapixels the server makes WebP of AVIF, but only for who reads it.
    const left = normalised('/s/wide/a.jpg', { value: 'image/avif' });
    assert.equal(server.resolve('wide', '', left).recipe.output, 'webp');
  });

  it('knows the built-in presets that fix a format, and fits into a function', () => {
    const [, listed = ''] = /FIXED = \[([^\]]*)\]/.exec(code) ?? [];
    const names = listed.split(',').map((name) => name.replace(/['\s]/g, ''));
    const fixed = Object.keys(BUILT_IN_PRESETS).filter((name) => !server.negotiates(name, ''));
    assert.deepEqual(names.sort(), fixed.sort());
    assert.ok(code.length < 10_240, `${code.length}`);
  });
});
