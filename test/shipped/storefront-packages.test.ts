import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { PACKAGES, type PackageName } from '../../build/package-sources.ts';
import { createImageUrls, toHtml } from '../../src/url/sdk.ts';
import { compileDocumentedCode } from '../helpers/documents.ts';
import { ROOT } from '../helpers/edge.ts';
import { vectors } from '../helpers/vectors.ts';

const run = promisify(execFile);
const key = '07'.repeat(32);
const NAMES = Object.keys(PACKAGES) as PackageName[];
/** Gzipped, with all that an import brings from the package itself; of a whole entry where no name stands behind the `#`. */
const MAX_GZIPPED_BYTES: Readonly<Record<string, number>> = {
  'url#createSigner': 3000,
  'url/edge#createSigner': 3000,
  // With markup, which stays on servers.
  url: 6000,
  'url/edge': 6000,
  'url/verify': 3000,
  'url/client': 3000,
  'url/thumbhash': 1024,
  react: 1024,
  next: 1024,
  'next/loader': 1024,
  'nuxt#default': 1024,
  'astro/service#default': 1024,
  unpic: 1024,
};

interface Packed {
  readonly filename: string;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

let shop: string;
const packed = new Map<PackageName, Packed>();
const expected = createImageUrls({ baseUrl: 'https://img.example.com', key }).url('a.jpg', 'thumb');

/** An empty project with the packed files, and nothing of this repository but React. */
before(async () => {
  shop = await mkdtemp(join(tmpdir(), 'darkroom-shop-'));
  await run(process.execPath, [join(ROOT, 'build/packages.ts')], { cwd: ROOT });
  for (const name of NAMES) {
    const cwd = join(ROOT, 'packages', name);
    const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', shop];
    const { stdout } = await run('npm', pack, { cwd });
    const [made] = JSON.parse(stdout) as [Packed];
    packed.set(name, made);
    const home = join(shop, 'node_modules/@darkroom-images', name);
    await mkdir(home, { recursive: true });
    await run('tar', ['xzf', join(shop, made.filename), '-C', home, '--strip-components=1']);
  }
  for (const name of ['react', 'react-dom', 'scheduler', '@types/react', '@types/node', 'csstype', 'undici-types']) {
    await mkdir(dirname(join(shop, 'node_modules', name)), { recursive: true });
    await symlink(join(ROOT, 'node_modules', name), join(shop, 'node_modules', name));
  }
});
after(() => rm(shop, { recursive: true }));

/** The signed URL with another suffix, or of another preset. */
const at = (suffix: string, preset = 'thumb') => expected.replace('/thumb/', `/${preset}${suffix}/`);

/** Minified and gzipped, with all that an import brings from the package itself; of a whole entry where no name stands behind the `#`. */
async function gzippedBytes(what: string): Promise<number> {
  const [entry = '', name] = what.split('#');
  const contents = `export ${name ? `{ ${name} }` : '*'} from '@darkroom-images/${entry}';`;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: shop },
    ...{ bundle: true, write: false, minify: true, format: 'esm', platform: 'neutral', logLevel: 'silent' },
    external: [
      'node:crypto',
      'react',
      'react/jsx-runtime',
      ...(entry.startsWith('url') ? [] : ['@darkroom-images/url/*']),
    ],
  });
  return gzipSync(outputFiles[0]?.text ?? '', { level: 9 }).length;
}

const evaluate = async (code: string, type: 'module' | 'commonjs') => {
  const { stdout } = await run(process.execPath, [`--input-type=${type}`, '-e', code], { cwd: shop });
  return stdout.trim();
};

describe('the packages of storefronts', () => {
  it('hold what they promise and nothing else, and are small', (context) => {
    for (const [name, { files, unpackedSize }] of packed) {
      context.diagnostic(`@darkroom-images/${name}: ${files.length} files, ${unpackedSize} bytes unpacked`);
      const odd = files.filter(
        ({ path }) =>
          !/^(LICENSE|README\.md|package\.json|dist\/[\w/-]+\.(js|cjs|d\.ts|d\.cts|svelte|astro))$/.test(path),
      );
      assert.deepEqual(odd, []);
      assert.ok(unpackedSize < 60_000, `${name}: ${unpackedSize}`);
    }
  });

  it('are small in what a page loads of each entry', async (context) => {
    for (const [what, most] of Object.entries(MAX_GZIPPED_BYTES)) {
      const bytes = await gzippedBytes(what);
      context.diagnostic(`@darkroom-images/${what}: ${bytes} bytes gzipped`);
      assert.ok(bytes > 50 && bytes < most, `${what}: ${bytes}`);
    }
  });

  it('are as small as the documents say', async () => {
    const said = async (what: string) => `${((await gzippedBytes(what)) / 1000).toFixed(1)} KB`;
    const readme = await readFile(join(ROOT, 'packages/url/README.md'), 'utf8');
    const rows = Array.from(readme.matchAll(/^\| (.*) \| .* \| ([\d.KB, ]+) \|$/gm), ([, , sizes]) => sizes);
    assert.deepEqual(rows, [
      await said('url#createSigner'),
      await said('url#createImageUrls'),
      `${await said('url/edge#createSigner')}, ${await said('url/edge#createImageUrls')}`,
      ...[await said('url/client'), await said('url/thumbhash'), await said('url/verify')],
    ]);
    const page = await readFile(join(ROOT, 'docs/storefront.md'), 'utf8');
    const signers = `(${await said('url#createSigner')} gzipped, ${await said('url/edge#createSigner')} in \`/edge\`)`;
    assert.ok(page.includes(signers), signers);

    // Of the page's markup: a card of four widths, with an alternative text.
    const presets = { card: { width: 400, height: 300, fit: 'cover', format: 'auto', widths: [200, 400, 800, 1200] } };
    const images = createImageUrls({ baseUrl: 'https://img.example.com', key, presets });
    const htmlOf = (kind: 'picture' | 'img', at: number) =>
      toHtml(images[kind](`listings/${at}/front.jpg`, 'card'), { alt: 'A chair', loading: 'lazy' });
    const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(1)} KB`;
    const cards = (kind: 'picture' | 'img') => Array.from({ length: 60 }, (_, at) => htmlOf(kind, at)).join('\n');
    const both = (of: (kind: 'picture' | 'img') => number) => `${kilobytes(of('picture'))} | ${kilobytes(of('img'))} |`;
    for (const row of [
      `| HTML of a card with four widths | ${both((kind) => htmlOf(kind, 42).length)}`,
      `| HTML of 60 such cards, gzipped | ${both((kind) => gzipSync(cards(kind)).length)}`,
    ])
      assert.ok(page.includes(row), row);
  });

  it('depend on nothing but each other, and ask for one version of it', async () => {
    for (const name of NAMES) {
      const manifest = JSON.parse(await readFile(join(ROOT, 'packages', name, 'package.json'), 'utf8'));
      const { dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {}, version } = manifest;
      for (const [other, asked] of Object.entries(dependencies)) {
        assert.match(other, /^@darkroom-images\//);
        assert.equal(asked, version);
      }
      for (const peer of Object.keys(peerDependencies)) assert.equal(peerDependenciesMeta[peer]?.optional, true, peer);
    }
    assert.deepEqual(packed.get('url')?.filename, 'darkroom-images-url-0.1.0.tgz');
  });

  it('would be published as they are', async () => {
    for (const name of NAMES) {
      const tarball = join(shop, packed.get(name)?.filename ?? '');
      const { stdout } = await run('npm', ['publish', '--dry-run', '--json', '--offline', tarball], { cwd: shop });
      assert.match(stdout, new RegExp(`"@darkroom-images/${name}(@0\\.1\\.0)?"`));
    }
  });
});

describe('@darkroom-images/url', () => {
  it('signs as an ES module and in CommonJS', async () => {
    const use = `const options = { baseUrl: 'https://img.example.com', key: '${key}' };
      console.log(createSigner(options).url('a.jpg', 'thumb'), url(createImageUrls(options).url('a.jpg', 'thumb'), { width: 150 }, { pixelRatio: 2 }));`;
    const names = ['createImageUrls', 'createSigner', 'toHtml'];
    const twice = expected.replace('/thumb/', '/thumb@2x/');
    for (const [type, code] of [
      [
        'module',
        `import { ${names} } from '@darkroom-images/url'; import { url } from '@darkroom-images/url/client'; ${use}`,
      ],
      [
        'commonjs',
        `const { ${names} } = require('@darkroom-images/url'); const { url } = require('@darkroom-images/url/client'); ${use}`,
      ],
    ] as const)
      assert.equal(await evaluate(code, type), `${expected} ${twice}`);
  });

  it('signs at the edge, and its verifier believes it', async () => {
    const code = `import { createImageUrls } from '@darkroom-images/url/edge';
      import { createVerifier } from '@darkroom-images/url/verify';
      const url = await createImageUrls({ baseUrl: 'https://img.example.com', key: '${key}' }).url('a.jpg', 'thumb');
      console.log(url, (await createVerifier({ keys: ['${key}'] })(url)).ok);`;
    assert.equal(await evaluate(code, 'module'), `${expected} true`);
  });

  it('is another thing in a browser: harmless to load, a sentence to call', async () => {
    for (const [entry, name] of [
      ['', 'createImageUrls'],
      ['', 'createSigner'],
      ['/edge', 'createSigner'],
      ['/edge', 'createImageUrls'],
      ['/verify', 'createVerifier'],
    ]) {
      const { outputFiles } = await build({
        stdin: {
          contents: `import { ${name} as create } from '@darkroom-images/url${entry}'; export { create };`,
          resolveDir: shop,
        },
        ...{ bundle: true, write: false, format: 'esm', platform: 'browser', logLevel: 'silent' },
      });
      const code = outputFiles[0]?.text ?? '';
      assert.doesNotMatch(code, /node:crypto|subtle/, entry);
      const { create } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
      const made = create();
      assert.throws(
        () => (made.url ?? made)('a.jpg', 'thumb'),
        /the signing key must not reach a browser: use \/client/,
      );
    }
  });

  it('is the signer itself in Workers, by the conditions of their bundler', async () => {
    for (const entry of ['url', 'url/edge', 'url/verify']) {
      const { outputFiles } = await build({
        stdin: { contents: `export * from '@darkroom-images/${entry}';`, resolveDir: shop },
        ...{ bundle: true, write: false, format: 'esm', platform: 'browser', logLevel: 'silent' },
        ...{ conditions: ['workerd', 'worker', 'browser'], external: ['node:crypto'] },
      });
      assert.doesNotMatch(outputFiles[0]?.text ?? '', /must not reach a browser/, entry);
    }
  });

  it('writes the published URLs', async () => {
    const cases = vectors.filter(
      ({ suffix, expiresAt, parameters }) => suffix === '' && expiresAt === null && !parameters,
    );
    const code = `import { createImageUrls } from '@darkroom-images/url';
      for (const { key, preset, id } of ${JSON.stringify(cases)})
        console.log(createImageUrls({ baseUrl: 'https://a.example', key, presets: { [preset]: { width: 1 } } }).url(id, preset));`;
    const made = (await evaluate(code, 'module')).split('\n');
    assert.ok(cases.length > 10);
    assert.deepEqual(
      made,
      cases.map(({ path }) => `https://a.example${path}`),
    );
  });
});

describe('types', () => {
  const USE = `
    import { createImageUrls, createSigner, toHtml, type ImgAttributes } from '@darkroom-images/url';
    import * as edge from '@darkroom-images/url/edge';
    import { picture, type PresetShape } from '@darkroom-images/url/client';
    import { thumbHashUrl } from '@darkroom-images/url/thumbhash';
    import { createVerifier } from '@darkroom-images/url/verify';
    import { Image, Picture, type ImageProps } from '@darkroom-images/react';
    import { Picture as NextPicture } from '@darkroom-images/next';
    import { createLoader } from '@darkroom-images/next/loader';
    import nuxt from '@darkroom-images/nuxt';
    import astro from '@darkroom-images/astro/service';
    import { createTransformer, widthsOf } from '@darkroom-images/unpic';
    const presets = { card: { width: 400, height: 300, fit: 'cover', widths: [400, 800] } } as const;
    const images = createImageUrls({ baseUrl: process.env.A, key: process.env.B, presets });
    const img: ImgAttributes = images.img('a.jpg', 'card', { width: 400, placeholder: 'thumbhash' } as object);
    // @ts-expect-error: the names of the presets are known
    images.url('a.jpg', 'crad');
    const shape: PresetShape = presets.card;
    export const all = [createSigner, toHtml(img), edge.createImageUrls, picture('', shape).sources, thumbHashUrl('')?.length, createVerifier, Image, Picture, NextPicture];
    export const props: ImageProps = { src: '', alt: '', preset: presets.card, priority: true };
    export const src: string[] = [createLoader(presets)({ src: '', width: 1 }), createTransformer(presets)('', { width: 1 })];
    export const others = [nuxt().getImage('', { presets }).url, astro.getURL, widthsOf('', presets)];`;

  for (const [how, ending, module, moduleResolution] of [
    ['bundler', 'ts', 'esnext', 'bundler'],
    ['node16, ES module', 'mts', 'node16', 'node16'],
    ['nodenext, ES module', 'mts', 'nodenext', 'nodenext'],
    ['nodenext, CommonJS', 'cts', 'nodenext', 'nodenext'],
  ] as const) {
    it(`are found by ${how}`, async () => {
      const folder = join(shop, how.replaceAll(/\W+/g, '-'));
      await mkdir(folder);
      // Of the verifier and the edge there is no CommonJS.
      await writeFile(join(folder, `use.${ending}`), USE);
      const compilerOptions = {
        strict: true,
        noEmit: true,
        skipLibCheck: false,
        target: 'es2022',
        types: ['node'],
        module,
        moduleResolution,
      };
      await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*'] }));
      const { stdout } = await run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', folder]).catch((error) => error);
      assert.equal(stdout, '');
    });
  }

  it('are found by node16 in CommonJS, of the entries that have it', async () => {
    const folder = join(shop, 'node16-commonjs');
    await mkdir(folder);
    const lines = USE.split('\n').filter((line) => !/edge'|verify'|nuxt'|astro|nuxt\(/.test(line));
    await writeFile(
      join(folder, 'use.cts'),
      lines.join('\n').replace('edge.createImageUrls, ', '').replace('createVerifier, ', ''),
    );
    const compilerOptions = {
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      target: 'es2022',
      types: ['node'],
      module: 'node16',
    };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*'] }));
    const { stdout } = await run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', folder]).catch((error) => error);
    assert.equal(stdout, '');
  });
});

describe('@darkroom-images/react', () => {
  const render = (element: string) =>
    evaluate(
      `const { createElement: h } = require('react'); const { renderToStaticMarkup } = require('react-dom/server');
       const { Image, Picture } = require('@darkroom-images/react');
       console.log(renderToStaticMarkup(${element}));`,
      'commonjs',
    );
  const preset = `{ width: 400, height: 300, fit: 'cover', widths: [400, 800] }`;

  it('writes an img with a style object, lazy but where it has priority', async () => {
    const meta = `{ width: 4000, height: 3000, dominantColor: '#102030' }`;
    const html = await render(
      `h(Image, { src: '${expected}', preset: ${preset}, alt: 'it', meta: ${meta}, style: { borderRadius: 4 }, className: 'a' })`,
    );
    assert.match(html, /^<img loading="lazy" decoding="async" alt="it" class="a" src="[^"]+thumb\/a\.jpg"/);
    assert.match(html, /sizes="\(min-width: 400px\) 400px, 100vw" width="400" height="300"/);
    assert.match(html, /srcSet="[^"]+@400w\/a\.jpg 400w, [^"]+@800w\/a\.jpg 800w"/);
    assert.match(html, /style="background-color:#102030;border-radius:4px"/);
    const urgent = await render(`h(Image, { src: '${expected}', preset: ${preset}, alt: '', priority: true })`);
    assert.match(urgent, /fetchPriority="high"/);
    assert.doesNotMatch(urgent, /loading=|style=/);
  });

  it('writes a picture, and needs no shape for an inline recipe', async () => {
    const inline = expected.replace('/thumb/', '/w_300,h_200,fit_cover/');
    const html = await render(`h(Picture, { src: '${inline}', alt: '', sizes: '50vw' })`);
    assert.match(html, /^<picture>(<source type="image\/(avif|webp)" srcSet="[^"]+"\/>){2}<img /);
    assert.match(html, /width="300" height="200"/);
  });
});

describe('providers for image components of others', () => {
  const presets = `{ thumb: { width: 400, height: 300, fit: 'cover', format: 'auto', widths: [1200, 400, 800] }, logo: { width: 200, format: 'png', formats: ['png', 'webp'] } }`;
  const logo = expected.replace('/thumb/', '/logo/');
  const evaluated = async (code: string) =>
    JSON.parse(await evaluate(`${code.replace('PRESETS', `const presets = ${presets};`)}`, 'module'));

  it('ask for the smallest declared size that is large enough, and for declared formats', async () => {
    const made = await evaluated(`import nuxt from '@darkroom-images/nuxt';
      import { createTransformer, widthsOf } from '@darkroom-images/unpic';
      import { createLoader } from '@darkroom-images/next/loader';
      PRESETS
      const { getImage } = nuxt();
      const all = [
        (src, wanted) => getImage(src, { modifiers: wanted, presets }).url,
        createTransformer(presets),
        (src, wanted) => wanted.format ? undefined : createLoader(presets)({ src, ...wanted }),
      ];
      const wanted = [{ width: 16 }, { width: '400' }, { width: 401 }, { width: 4000 }, {}, { width: 500, format: 'webp' }, { format: 'jpg' }, { format: 'tiff' }];
      console.log(JSON.stringify([all.map((ask) => wanted.map((each) => ask('${expected}', each))), all.map((ask) => [100, 201, 900].map((width) => ask('${logo}', { width }))), widthsOf('${expected}', presets)]));`);
    const [cards, logos, widths] = made;
    const both = ['@400w', '@400w', '@800w', '@1200w', ''].map((suffix) => at(suffix));
    const formats = ['@800w.webp', '.jpeg', ''].map((suffix) => at(suffix));
    assert.deepEqual(cards[0], [...both, ...formats]);
    assert.deepEqual(cards[1], [...both, ...formats]);
    assert.deepEqual(cards[2].slice(0, 5), both);
    for (const byRatio of logos) assert.deepEqual(byRatio, [at('', 'logo'), at('@2x', 'logo'), at('@3x', 'logo')]);
    assert.deepEqual(widths, [400, 800, 1200]);
  });

  it('say what is wrong with the source', async () => {
    const sentences = await evaluated(`import nuxt from '@darkroom-images/nuxt';
      import service from '@darkroom-images/astro/service';
      PRESETS
      const config = { service: { config: { presets } } };
      const said = [];
      for (const call of [() => nuxt().getImage('/a.jpg', { presets }), () => nuxt().getImage('${expected}', {}), () => service.getURL({ src: {} }, config)])
        try { said.push(call()); } catch (error) { said.push(error.message); }
      console.log(JSON.stringify(said));`);
    assert.match(sentences[0], /"\/a.jpg" is no signed URL/);
    assert.match(sentences[1], /shape of the preset "thumb" is missing/);
    assert.match(sentences[2], /src must be a signed URL/);
  });

  it("are Astro's image service too, with the preset's widths as candidates", async () => {
    const [url, srcset, attributes, densities] = await evaluated(`import service from '@darkroom-images/astro/service';
      PRESETS
      const config = { service: { config: { presets } } };
      const asked = { src: '${expected}', width: 400, height: 300, alt: 'A chair', loading: 'eager', quality: 80 };
      const urls = async (more) => Promise.all((await service.getSrcSet({ ...asked, ...more }, config)).map(({ transform, descriptor }) => service.getURL(transform, config) + ' ' + descriptor));
      console.log(JSON.stringify([service.getURL({ ...asked, format: 'avif' }, config), await urls({}), service.getHTMLAttributes(asked, config), await urls({ densities: [1, '2x'] })]));`);
    assert.equal(url, at('@400w.avif'));
    assert.deepEqual(
      srcset,
      [400, 800, 1200].map((width) => `${at(`@${width}w`)} ${width}w`),
    );
    assert.deepEqual(attributes, {
      ...{ loading: 'eager', decoding: 'async', alt: 'A chair', width: 400, height: 300 },
      sizes: '(min-width: 400px) 400px, 100vw',
    });
    assert.deepEqual(densities, [`${at('@400w')} 1x`, `${at('@800w')} 2x`]);
  });
});

describe('@darkroom-images/svelte and /astro', () => {
  it('write the attributes that React has, in HTML’s own names', async () => {
    for (const name of ['svelte', 'astro']) {
      const code = `import { imageAttributes, pictureAttributes } from './node_modules/@darkroom-images/${name}/dist/attributes.js';
        const preset = { width: 400, height: 300, fit: 'cover', widths: [400, 800] };
        const meta = { width: 600, height: 450, dominantColor: '#102030' };
        console.log(JSON.stringify([imageAttributes({ src: '${expected}', preset, meta, alt: 'it', class: 'a', style: 'border:0' }), pictureAttributes({ src: '${expected}', preset, alt: '', priority: true, placeholder: 'none' })]));`;
      const [image, { sources, img }] = JSON.parse(await evaluate(code, 'module'));
      assert.deepEqual(image, {
        ...{ loading: 'lazy', decoding: 'async', alt: 'it', class: 'a', src: expected },
        srcset: `${at('@400w')} 400w, ${at('@800w')} 600w`,
        sizes: '(min-width: 400px) 400px, 100vw',
        ...{ width: 400, height: 300, style: 'background-color:#102030;border:0' },
      });
      assert.deepEqual(
        sources.map(({ type }: { type: string }) => type),
        ['image/avif', 'image/webp'],
      );
      assert.equal(img.fetchpriority, 'high');
      assert.equal('loading' in img || 'style' in img || 'preset' in img, false);
      assert.equal(img.src, at('.jpeg'));
    }
  });
});

describe('the code of the documents', () => {
  it('compiles under tsc --strict in bundler, node16 and nodenext', async () => {
    const { count, said } = await compileDocumentedCode(join(shop, 'documents'));
    assert.ok(count >= 10, String(count));
    assert.equal(said, '');
  });
});
