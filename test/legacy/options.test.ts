import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { legacyImage } from '../../src/http/legacy/legacy-target.ts';
import { CLOUDINARY_PARAMETERS } from '../../src/legacy/cloudinary/parameters.ts';
import { IMGPROXY_OPTIONS } from '../../src/legacy/imgproxy/options.ts';
import { IMGPROXY_UNMAPPED } from '../../src/legacy/imgproxy/unmapped.ts';
import { createLegacyUrls } from '../../src/legacy/legacy-urls.ts';
import type { LegacySettings } from '../../src/legacy/scheme.ts';
import { THUMBOR_FILTERS } from '../../src/legacy/thumbor/filters.ts';
import { NO_ASSETS } from '../../src/presets/known-assets.ts';
import { createPresets } from '../../src/presets/presets.ts';
import { cloudinaryPath, imgproxyPath, legacySettings, thumborPath } from '../helpers/legacy.ts';
import { CLOUDINARY, IMGPROXY, type Row, THUMBOR } from './options.ts';

const presets = createPresets({
  ...{ definitions: {}, inline: false, faces: true, renderTimeoutMs: 20_000 },
  assets: { ...NO_ASSETS, image: (name) => (name === 'mark.png' ? 'digest' : undefined) },
});

/** The recipe of an old URL by the whole of the way, or the sentence of its refusal. */
function outcome(settings: LegacySettings, path: string): string {
  try {
    const image = legacyImage({ legacy: createLegacyUrls(settings), presets }, path, undefined, {});
    return image?.url.preset ?? 'no old URL';
  } catch (error) {
    const { publicMessage, status } = error as { publicMessage: string; status: number };
    assert.ok(status >= 400 && status < 500, String(error));
    return publicMessage;
  }
}

function check(rows: readonly Row[], settings: LegacySettings, pathOf: (written: string) => string): void {
  for (const [written, expected] of rows) {
    const found = outcome(settings, pathOf(written));
    if (typeof expected === 'string') assert.equal(found, expected, written);
    else assert.match(found, expected, written);
  }
}

/** Options of a table that no row of the test names. */
const unnamed = (table: object, named: (name: string) => boolean) => Object.keys(table).filter((name) => !named(name));

describe('options of imgproxy', () => {
  const settings = legacySettings('imgproxy', {
    WATERMARK: 'mark.png',
    PRESETS: 'card=rs:fill:400:300,small=w:100,loop=pr:loop',
  });
  const pathOf = (written: string) => imgproxyPath(`/${written}/plain/a.jpg`);

  it('come to recipes, or are refused by name', () => check(IMGPROXY, settings, pathOf));

  it('are all in that table, by each of their names', () => {
    const written = new Set(IMGPROXY.flatMap(([text]) => text.split('/').map((option) => option.split(':')[0])));
    const named = (name: string) => written.has(name) || Object.hasOwn(IMGPROXY_UNMAPPED, name);
    assert.deepEqual(unnamed(IMGPROXY_OPTIONS, named), []);
  });

  it('that have no equal are each refused by name', () => {
    for (const name of Object.keys(IMGPROXY_UNMAPPED))
      assert.ok(
        outcome(settings, pathOf(`${name}:1/w:300`)).startsWith(`imgproxy's ${name}:1 is not served here: `),
        name,
      );
  });

  it('without a watermark in the settings refuse one', () => {
    assert.match(
      outcome(legacySettings('imgproxy'), pathOf('wm:1/w:300')),
      /^imgproxy's wm:1 .*DARKROOM_LEGACY_WATERMARK/,
    );
    const gone = legacySettings('imgproxy', { WATERMARK: 'gone.png' });
    assert.match(outcome(gone, pathOf('wm:1/w:300')), /is not served here/);
  });

  it('come from presets, a preset named default for all', () => {
    const all = legacySettings('imgproxy', { PRESETS: 'default=q:60/f:webp,loop=pr:loop/w:300' });
    assert.equal(outcome(all, pathOf('w:300')), 'w_300,f_webp,q_60');
    assert.equal(outcome(all, pathOf('pr:loop')), 'w_300,f_webp,q_60');
  });

  it('read sources and extensions of all forms', () => {
    const base64 = Buffer.from('https://cdn.example.com/a b.jpg').toString('base64url');
    const more = legacySettings('imgproxy', { SOURCE: 'https://cdn.example.com/=' });
    const forms = [
      ['/plain/a.jpg@webp', 'w_8192,h_8192,f_webp'],
      ['/w:300/plain/https://cdn.example.com/a.jpg@png', 'w_300,f_png'],
      ['/w:300/plain/https:/cdn.example.com/a.jpg', /^The signature/],
      [`/w:300/${base64}.avif`, 'w_300,f_avif'],
      [`/w:300/${base64.slice(0, 8)}/${base64.slice(8)}`, 'w_300'],
      [`/${base64}`, 'w_8192,h_8192'],
      [`/w:300/${base64}.`, 'w_300'],
      [`/w:300/${base64}.gif`, /^imgproxy's extension gif/],
      [`/w:300/${base64}.png.webp`, /^The source of imgproxy says several formats/],
      ['/w:300/plain/a.jpg@png@webp', /^The source of imgproxy says several formats/],
      ['/w:300/enc/AbCdEf123', /^Encrypted sources of imgproxy \(enc\) are not served here/],
      ['/fill/300/200/sm/0/aGVsbG8', /^The basic URLs of imgproxy 1/],
      ['/w:300', /^The URL of imgproxy names no source/],
      ['/w:300/plain/', /^The URL of imgproxy names no source|^The source/],
      ['/w:300/a*b', /^The source is no UTF-8 text/],
      ['/w:300/plain/%zz', /^The source is not validly/],
    ] as const;
    for (const [rest, expected] of forms) {
      // Signed as it is restored: `https:/` alone is what a proxy made of it.
      const found = outcome(more, imgproxyPath(rest));
      if (typeof expected === 'string') assert.equal(found, expected, rest);
      else assert.match(found, expected, rest);
    }
    const broken = imgproxyPath('/w:300/plain/https://cdn.example.com/a.jpg');
    for (const spelled of [broken.replace('https://', 'https:/'), broken.replace('w:300', 'w%3A300')])
      assert.equal(outcome(more, spelled), 'w_300', spelled);
  });
});

describe('options of Thumbor', () => {
  const settings = legacySettings('thumbor');
  const pathOf = (written: string) => thumborPath(`${written}/a.jpg`);

  it('come to recipes, or are refused by name', () => check(THUMBOR, settings, pathOf));

  it('are all in that table, and those without an equal are each refused by name', () => {
    const written = new Set(THUMBOR.flatMap(([text]) => Array.from(text.matchAll(/(\w+)\(/g), ([, name]) => name)));
    const refused = (name: string) => typeof THUMBOR_FILTERS[name] === 'string';
    assert.deepEqual(
      unnamed(THUMBOR_FILTERS, (name) => written.has(name) || refused(name)),
      [],
    );
    for (const name of Object.keys(THUMBOR_FILTERS).filter(refused)) {
      const found = outcome(settings, pathOf(`fit-in/300x200/filters:${name}(1)`));
      assert.ok(found.startsWith(`thumbor's ${name}(1) is not served here: `), found);
    }
  });

  it('end where the source begins', () => {
    const cases = [
      ['300x200/smart/filters:format(webp)/https%3A//cdn.example.com/a.jpg', 'w_300,h_200,fit_cover,f_webp,en_1'],
      ['smart/a.jpg', 'w_8192,h_8192'],
      ['smart', 'w_8192,h_8192'],
      ['300x200/filters:quality(60/a.jpg', /^The filters of thumbor/],
      ['300x200/filters:quality(60)a.jpg', /^The filters of thumbor/],
      ['300x200/filters:quality(60):/a.jpg', /^The filters of thumbor/],
    ] as const;
    const more = legacySettings('thumbor', { SOURCE: 'https://cdn.example.com/=' });
    for (const [written, expected] of cases) {
      const found = outcome(more, thumborPath(written));
      if (typeof expected === 'string') assert.equal(found, expected, written);
      else assert.match(found, expected, written);
    }
  });

  it('are the same as proxies and CDNs rewrite them', () => {
    const more = legacySettings('thumbor', { SOURCE: 'https://cdn.example.com/=' });
    const path = thumborPath('300x0/filters:watermark(mark.png,0,0,0):quality(60)/https://cdn.example.com/a.jpg');
    const recipe = outcome(more, path);
    assert.match(recipe, /^w_300,q_60/);
    const rewritten = [
      path.replace('=', '%3D'),
      path.replace('https://', 'https:/'),
      path.replaceAll('(', '%28').replaceAll(')', '%29'),
      path.replaceAll(',', '%2c').replace('filters:', 'filters%3A').replace('):', ')%3A'),
    ];
    for (const each of rewritten) {
      assert.notEqual(each, path);
      assert.equal(outcome(more, each), recipe, each);
    }
  });
});

describe('parameters of Cloudinary', () => {
  const settings = legacySettings('cloudinary', { PRESETS: 'card=c_fill,g_face,h_300,w_400;loop=t_loop' });
  const pathOf = (written: string) => cloudinaryPath(`${written}/v1/shop/a.jpg`, { signed: `${written}/shop/a.jpg` });

  it('come to recipes, or are refused by name', () => check(CLOUDINARY, settings, pathOf));

  it('are all in that table, and those without an equal are each refused by name', () => {
    const written = new Set(CLOUDINARY.flatMap(([text]) => text.split(/[,/]/).map((option) => option.split('_')[0])));
    const refused = (name: string) => typeof CLOUDINARY_PARAMETERS[name] === 'string';
    assert.deepEqual(
      unnamed(CLOUDINARY_PARAMETERS, (name) => written.has(name) || refused(name)),
      [],
    );
    for (const name of Object.keys(CLOUDINARY_PARAMETERS).filter(refused)) {
      const found = outcome(settings, pathOf(`${name}_1,w_300`));
      assert.ok(found.startsWith(`cloudinary's ${name}_1 is not served here: `), found);
    }
    assert.match(outcome(settings, pathOf('t_loop')), /^cloudinary's t_loop .* it names itself/);
  });

  it('are the same as proxies and CDNs rewrite them', () => {
    const more = legacySettings('cloudinary', { SOURCE: 'https://cdn.example.com/=' });
    const path = cloudinaryPath('c_fill,h_30,w_40/https://cdn.example.com/a.jpg', { kind: 'fetch' });
    for (const each of [path, path.replaceAll(',', '%2C'), path.replace('https://', 'https:/')])
      assert.equal(outcome(more, each), 'w_40,h_30,fit_cover,g_center,en_1', each);
  });

  it('take the name of the account from the settings, and any without one', () => {
    const one = legacySettings('cloudinary', { KEY: 'cloudinary://123456:abcdef@demo' });
    const path = '/demo/image/upload/s--AAAAAAAA--/a.jpg';
    const scheme = createLegacyUrls(one);
    assert.ok(scheme.candidate(path));
    assert.equal(scheme.candidate(path.replace('demo', 'other')), undefined);
    assert.ok(createLegacyUrls(settings).candidate(path.replace('demo', 'other')));
  });

  it('say the format by the extension, which is none of the public id', () => {
    for (const [rest, recipe, id] of [
      ['shop/a.b.webp', 'w_8192,h_8192,f_webp', 'shop/a.b'],
      ['shop/a', 'w_8192,h_8192', 'shop/a'],
      ['shop/v2.5', 'w_8192,h_8192', 'shop/v2.5'],
      ['f_auto/shop/a.png', 'w_8192,h_8192', 'shop/a'],
    ] as const) {
      const target = createLegacyUrls(settings).candidate(cloudinaryPath(rest))?.read();
      assert.deepEqual([target?.recipe, target?.id], [recipe, id]);
    }
    assert.match(outcome(settings, cloudinaryPath('a.gif')), /^cloudinary's extension .gif/);
  });
});
