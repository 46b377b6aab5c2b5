import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { withSettings } from '../../build/settings-table.ts';
import { createPresets } from '../../src/presets/presets.ts';
import { readConfig } from '../../src/process/config.ts';
import { settings } from '../../src/process/settings.ts';
import { BUILT_IN_PRESETS } from '../../src/url/built-in-presets.ts';

const root = new URL('../..', import.meta.url).pathname;
const page = (name: string) => readFileSync(join(root, name), 'utf8');
const blocks = (name: string, language: string) =>
  Array.from(page(name).matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, 'g')), ([, code = '']) => code);

describe('the README and its pages', () => {
  it('starts a server that prints where its playground is, and three URLs that work', async () => {
    assert.ok(blocks('README.md', 'sh')[0]?.includes('npm ci && npm start'));
    const folder = await mkdtemp(join(tmpdir(), 'darkroom-readme-'));
    for (const entry of ['src', 'samples', 'examples/assets', 'package.json', 'development.env'])
      await cp(join(root, entry), join(folder, entry), { recursive: true });
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(DARKROOM_|HOST$|PORT$|UV_|MALLOC_)/.test(name),
    );
    const env = { ...Object.fromEntries(inherited), PORT: '0', DARKROOM_METRICS_PORT: '0' };
    const child = spawn('npm', ['-s', 'start'], { cwd: folder, env, detached: true });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    try {
      let output = '';
      const urls = await new Promise<string[]>((resolve, reject) => {
        child.once('error', reject);
        child.once('exit', () => reject(new Error(output)));
        child.stderr.on('data', (chunk) => (output += chunk));
        child.stdout.on('data', (chunk) => {
          output += chunk;
          if (output.includes('Open ') && output.endsWith('\n\n'))
            resolve(output.match(/http:\/\/localhost\S+\/\S+\/\S+/g) ?? []);
        });
      });
      assert.equal(new Set(urls).size, 3);
      const [playground = ''] = /http:\S+\/playground$/m.exec(output) ?? [];
      assert.ok(output.indexOf(playground) < output.indexOf(urls[0] ?? '') && playground !== '', output);
      const asked = await fetch(new URL('/', playground.replace('localhost', '127.0.0.1')), { redirect: 'manual' });
      assert.deepEqual([asked.status, asked.headers.get('location')], [302, '/playground']);
      assert.equal((await fetch(playground.replace('localhost', '127.0.0.1'))).status, 200);
      for (const url of urls) {
        const response = await fetch(url.replace('localhost', '127.0.0.1'));
        assert.equal(response.status, 200, url);
        const { width = 0 } = await sharp(Buffer.from(await response.arrayBuffer())).metadata();
        assert.ok(width > 0);
      }
    } finally {
      process.kill(-(child.pid as number), 'SIGTERM');
      await exited;
      await rm(folder, { recursive: true, force: true, maxRetries: 20 });
    }
  });

  it('shows a presets file and inline recipes that are accepted', () => {
    const definitions = JSON.parse(blocks('docs/presets.md', 'json')[0] ?? '');
    const presets = createPresets({ definitions, inline: true, faces: true });
    assert.equal(presets.resolve('card', '@800w.avif', undefined).recipe.height, 600);
    const recipes = `${page('docs/presets.md')}${page('docs/url.md')}`.match(/`w_[a-z0-9_,]+`/g) ?? [];
    assert.ok(recipes.length > 0);
    for (const recipe of recipes) presets.resolve(recipe.slice(1, -1), '', undefined);
  });

  it('lists the built-in presets as they are', () => {
    const presetsPage = page('docs/presets.md');
    for (const [name, { width, height, fit, format, quality }] of Object.entries(BUILT_IN_PRESETS)) {
      assert.ok(presetsPage.includes(`| \`${name}\` | ${width}×${height} | ${fit} | ${format} | ${quality} |`), name);
    }
  });

  it('lists the settings as they are read', () => {
    const list = page('docs/settings.md');
    assert.equal(list, withSettings(list), 'run `npm run docs:settings`');
    assert.match(list, /^\| `DARKROOM_QUEUE_TIMEOUT` \| `8s` \| /m);
    assert.match(list, /^\| `DARKROOM_SLOTS` \| usable CPUs/m);
    const undocumented = Object.keys(settings.shape).filter(
      (name) => name.startsWith('DARKROOM_') && !list.includes(`| \`${name}\` |`),
    );
    assert.deepEqual(undocumented, []);
  });

  it('shows settings that are accepted', () => {
    const block = blocks('docs/settings.md', 'sh').find((code) => code.includes('DARKROOM_ORIGINALS=')) ?? '';
    const environment = Object.fromEntries(
      Array.from(block.matchAll(/export (\w+)=(\S+)/g), ([, name, value]) => [name, value]),
    );
    assert.equal(Object.keys(environment).length, 3);
    assert.equal(readConfig(environment).results.kind, 's3');
  });

  it('names the packages that the S3 tests need as CI installs them', () => {
    const ci = readFileSync(join(root, '.ci/run'), 'utf8');
    const [, packages = ''] = /packages=\((.*)\)/.exec(ci) ?? [];
    assert.ok(packages && page('docs/tests.md').includes(`--no-install-recommends ${packages}`));
    assert.match(ci, /npm test/);
  });
});
