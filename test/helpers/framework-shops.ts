/** Shops of other languages' frameworks, around the code that the documents show: what a reader copies is what runs. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createSigner } from '../../src/url/sdk.ts';
import { ROOT } from './edge.ts';
import { type Vector, vectors } from './vectors.ts';

export interface Framework {
  /** Of the documentation. */
  readonly page: string;
  /** Debian's, which brings the framework. */
  readonly package: string;
  readonly command: readonly [command: string, ...args: string[]];
  /** Blocks of code of the page, in order. */
  readonly blocks: readonly string[];
  /** Files of the shop by their paths, from the page's blocks and its whole text. */
  readonly files: (blocks: readonly string[], page: string) => Readonly<Record<string, string>>;
  /** Code within the page's sentences that makes a URL, as the runner evaluates it. */
  readonly calls: (code: readonly string[]) => string[];
  /** Of the names of the signer's options. */
  readonly spelling: (name: string) => string;
}

const BASE_URL = 'https://img.example.com';
const KEY = vectors[0]?.key ?? '';
const LISTING = { photo: 'listings/42/it’s a "front".jpg', title: 'A <b>"chair"</b> & it’s Bob\'s' };
const sdk = (path: string) => readFileSync(join(ROOT, 'sdks', path), 'utf8');
const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

export const FRAMEWORKS: Readonly<Record<string, Framework>> = {
  Django: {
    ...{ page: 'docs/django.md', package: 'python3-django', spelling: snake },
    command: ['/usr/bin/python3', join(ROOT, 'test/url/frameworks/django_shop.py')],
    blocks: ['python', 'python', 'html'],
    files: ([settings = '', tags = '', template = '']) => ({
      'shop/__init__.py': '',
      'shop/darkroom.py': sdk('python/darkroom.py'),
      'settings.py': settings,
      'shop/templatetags/__init__.py': '',
      'shop/templatetags/pictures.py': tags,
      'shop/templates/listing.html': template,
    }),
    calls: (code) => code.filter((each) => each.startsWith('expires_at=')),
  },
  Rails: {
    ...{ page: 'docs/rails.md', package: 'ruby-railties', spelling: snake },
    command: ['ruby', '-W0', join(ROOT, 'test/url/frameworks/rails_shop.rb')],
    blocks: ['ruby', 'ruby', 'erb'],
    files: ([initializer = '', helper = '', view = '']) => ({
      'lib/darkroom.rb': sdk('ruby/darkroom.rb'),
      'config/initializers/darkroom.rb': initializer,
      'app/helpers/picture_helper.rb': helper,
      'app/views/listings/show.html.erb': view.replaceAll('listing.', '@listing.'),
    }),
    calls: (code) =>
      code
        .filter((each) => /IMAGES\.url\(|from_now/.test(each))
        .map((each) =>
          each.includes('(') ? each : `IMAGES.url(id, 'card', expires_at: ${each.replace('expires_at: ', '')})`,
        ),
  },
  Laravel: {
    ...{ page: 'docs/laravel.md', package: 'php-laravel-framework', spelling: (name) => name },
    command: ['php', join(ROOT, 'test/url/frameworks/laravel_shop.php')],
    blocks: ['ini', 'php', 'php', 'blade', 'blade'],
    files([variables = '', services = '', register = '', component = '', use = ''], page) {
      // What the page says to write below the line of the signer that begins with `declare`.
      const [, namespace = '', imported = ''] = /write `(namespace [^`]+)` and `(use [^`]+)` below/.exec(page) ?? [];
      const signer = sdk('php/Darkroom.php').replace(/^declare.*$/m, (line) => `${line}\n\n${namespace}\n${imported}`);
      const provider = `namespace App\\Providers;\n\nclass AppServiceProvider extends \\Illuminate\\Support\\ServiceProvider\n{\n${register}}\n`;
      const providers = ['Filesystem', 'View', 'Cookie', 'Encryption', 'Session', 'Database', 'Pagination']
        .map((name) => `Illuminate\\${name}\\${name}ServiceProvider::class, `)
        .join('');
      return {
        'app/Support/Darkroom.php': signer,
        '.env': `${variables.replace('https://img.example.com', BASE_URL).replace(/^(DARKROOM_SIGNING_KEY=)$/m, `$1${KEY}`)}`,
        'config/services.php': `<?php\n\nreturn [\n${services}];\n`,
        'app/Providers/AppServiceProvider.php': `<?php\n\n${provider}`,
        'resources/views/components/picture.blade.php': component,
        'resources/views/listing.blade.php': use,
        // What each new project of Laravel has.
        'config/app.php': `<?php\n\nreturn ['debug' => true, 'key' => '${'k'.repeat(32)}', 'cipher' => 'AES-256-CBC', 'providers' => [Illuminate\\Foundation\\Providers\\FoundationServiceProvider::class, ${providers}App\\Providers\\AppServiceProvider::class]];\n`,
        'config/view.php':
          "<?php\n\nreturn ['paths' => [resource_path('views')], 'compiled' => storage_path('framework/views')];\n",
        'composer.json': '{"autoload":{"psr-4":{"App\\\\":"app/"}}}',
        'bootstrap/cache/.keep': '',
        'storage/framework/views/.keep': '',
        'storage/logs/.keep': '',
      };
    },
    calls: (code) =>
      code
        .filter((each) => /images->url\(|expiresAt:/.test(each))
        .map((each) => (each.includes('->url(') ? each : `$images->url($id, 'card', ${each})`)),
  },
};

/** The `skip` option of a framework's tests. Throws with TEST_REQUIRE_SDKS, so that CI does not skip them. */
export function frameworkSkip({ package: name }: Framework): false | string {
  if (existsSync(`/usr/share/doc/${name}`)) return false;
  if (process.env.TEST_REQUIRE_SDKS === '1') throw new Error(`${name} is not installed, and TEST_REQUIRE_SDKS is set`);
  return `apt-get install -y --no-install-recommends ${name}`;
}

interface Answer {
  readonly version: string;
  /** HTML. */
  readonly page: string;
  readonly urls: readonly string[];
  readonly code: readonly string[];
}

/** Writes the shop, asks it for its page and URLs, and compares them with those of our own signer. Gives the framework's version. */
export async function checkShop(framework: Framework, { command = framework.command, credentials = false } = {}) {
  const page = readFileSync(join(ROOT, framework.page), 'utf8');
  const found = Array.from(page.matchAll(/^```(\w+)\n([\s\S]*?)^```/gm), ([, kind = '', code = '']) => ({
    kind,
    code,
  }));
  assert.deepEqual(
    found.map(({ kind }) => kind),
    framework.blocks,
    `${framework.page} has other blocks of code than this test knows`,
  );
  const sentences = page.replace(/^```[\s\S]*?^```/gm, '');
  const code = framework.calls(Array.from(sentences.matchAll(/`([^`\n]+)`/g), ([, each = '']) => each));
  assert.ok(code.length > 0, 'code within sentences');
  const published = vectors.filter(({ key }) => key === KEY);
  const asked = {
    ...{ listing: LISTING, code, credentials: credentials ? KEY : undefined },
    urls: published.map((vector) => [vector.id, vector.preset, optionsOf(vector, framework.spelling)]),
  };
  const files = framework.files(
    found.map(({ code }) => code),
    page,
  );
  const key = credentials ? {} : { DARKROOM_SIGNING_KEY: KEY };
  const answer = await answerOf(command, files, asked, { DARKROOM_URL: BASE_URL, ...key });
  assert.deepEqual(
    answer.urls,
    published.map(({ path }) => BASE_URL + path),
  );
  checkPage(answer.page);
  assert.equal(answer.code.length, code.length);
  for (const [at, url] of answer.code.entries()) checkCall(url, code[at] ?? '');
  return answer.version;
}

async function answerOf(
  [name, ...args]: readonly [string, ...string[]],
  files: Readonly<Record<string, string>>,
  asked: object,
  variables: NodeJS.ProcessEnv,
): Promise<Answer> {
  const folder = await mkdtemp(join(tmpdir(), 'darkroom-framework-'));
  try {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), content);
    }
    const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('DARKROOM_')));
    const child = spawn(name, [...args, folder], {
      cwd: folder,
      env: { ...inherited, ...variables, PYTHONDONTWRITEBYTECODE: '1' },
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: 100_000,
    });
    child.stdin.on('error', () => {});
    child.stdin.end(JSON.stringify(asked));
    const [output, complaint] = await Promise.all([text(child.stdout), text(child.stderr)]);
    assert.match(output, /^\{/, `${name}: ${output}${complaint}`);
    return JSON.parse(output);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function optionsOf({ suffix, expiresAt, parameters = {} }: Vector, spelling: (name: string) => string) {
  const { dl, v, ...texts } = parameters;
  const variables = Object.entries(texts).map(([name, value]) => [name.replace(/^t\./, ''), value]);
  const options = {
    ...{ suffix: suffix || undefined, expiresAt: expiresAt ?? undefined, download: dl, version: v },
    variables: variables.length > 0 ? Object.fromEntries(variables) : undefined,
  };
  return Object.fromEntries(
    Object.entries(options)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [spelling(name), value]),
  );
}

const signer = createSigner({
  ...{ baseUrl: BASE_URL, key: KEY },
  presets: { card: { width: 400, height: 300, widths: [400, 800, 1200] }, large: { width: 1200 } },
});
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"' };
const decoded = (html: string) =>
  html.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) =>
    name ? (ENTITIES[name] ?? whole) : String.fromCodePoint(Number.parseInt(hex ?? decimal, hex ? 16 : 10)),
  );

/** One img of the preset `card`: its candidates, its frame, nothing that a title could break. */
function checkPage(html: string): void {
  const tags = html.match(/<img[^>]*>/g) ?? [];
  assert.equal(tags.length, 1, html);
  assert.ok(!html.includes('<b>'), html);
  const attributes = Object.fromEntries(
    Array.from((tags[0] ?? '').matchAll(/([a-z]+)="([^"]*)"/g), ([, name, value = '']) => [name, decoded(value)]),
  );
  const candidates = [400, 800, 1200].map((width) => `${signer.url(LISTING.photo, 'card', { width })} ${width}w`);
  assert.deepEqual(attributes, {
    ...{ src: signer.url(LISTING.photo, 'card'), srcset: candidates.join(', '), alt: LISTING.title },
    ...{ sizes: '(min-width: 400px) 400px, 100vw', width: '400', height: '300', loading: 'lazy' },
    style: 'max-width: 100%; height: auto',
  });
  for (const [, href = ''] of html.matchAll(/<a href="([^"]*)"/g))
    assert.equal(decoded(href), signer.url(LISTING.photo, 'large', { download: 'chair.jpg' }));
}

/** A URL of code within a sentence: signed, and ending where it ends within the next hours. */
function checkCall(url: string, code: string): void {
  const { pathname, searchParams } = new URL(url);
  const [, , preset = '', id = ''] = pathname.split('/');
  const [download, exp] = [searchParams.get('dl') ?? undefined, searchParams.get('exp')];
  const expiresAt = exp === null ? undefined : Number(exp);
  assert.ok(download || expiresAt, code);
  if (expiresAt) {
    const ahead = expiresAt - Date.now() / 1000;
    assert.ok(ahead > 0 && ahead < 7500, `${code}: ${ahead} s ahead`);
  }
  assert.equal(url, signer.url(id, preset as 'card', { download, expiresAt }), code);
}
