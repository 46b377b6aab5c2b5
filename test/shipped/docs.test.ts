/** The documentation as readers meet it: every page is reached, links and anchors exist, code compiles, words are plain. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { describe, it } from 'node:test';
import { PROJECT_PAGES } from '../../docs/.vitepress/links.ts';
import { SIDEBAR } from '../../docs/.vitepress/sidebar.ts';
import { DOCUMENTS, PACKAGE_READMES, PAGES } from '../helpers/documents.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');

const withoutCode = (text: string) => text.replace(/^( *)```[\s\S]*?^\1```/gm, '').replace(/`[^`\n]*`/g, '');
const headings = (text: string) =>
  Array.from(text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.*)$/gm), ([, title = '']) => title);
/** Of code hosts: what is neither letter, digit, space, _ nor - goes, then spaces are dashes. */
const hostAnchor = (title: string) =>
  title
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
/** Of VitePress: what is no letter or digit is one dash. */
const siteAnchor = (title: string) =>
  title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_]+/gu, '-')
    .replace(/^-|-$/g, '');

describe('the documentation', () => {
  it('is reached from its first page and from the sidebar, page by page', () => {
    const linked = SIDEBAR.flatMap(({ items }) => items.map(({ link }) => link));
    assert.equal(new Set(linked).size, linked.length);
    const own = PAGES.filter((name) => !name.startsWith('docs/operations/')).map((name) => name.slice(4, -3));
    assert.deepEqual(
      linked.filter((link) => !link.startsWith('/project/') && !link.startsWith('/operations/')).sort(),
      own.filter((link) => link !== '/index').sort(),
    );
    const project = Object.values(PROJECT_PAGES).map((name) => `/project/${name}`);
    assert.deepEqual(linked.filter((link) => link.startsWith('/project/')).sort(), project.sort());
    for (const name of Object.keys(PROJECT_PAGES)) assert.ok(existsSync(join(ROOT, name)), name);

    const index = read('docs/index.md');
    const unlinked = own.filter((link) => link !== '/index' && !index.includes(`](${link.slice(1)}.md)`));
    assert.deepEqual(unlinked, []);
    const operations = read('docs/operations/README.md');
    for (const name of PAGES.filter((name) => /docs\/operations\/(?!README)/.test(name)))
      assert.ok(operations.includes(`(${posix.basename(name)})`), name);
  });

  it('links to headings that exist, on code hosts and on the site', () => {
    const wrong = DOCUMENTS.flatMap((name) =>
      Array.from(withoutCode(read(name)).matchAll(/\]\((?![a-z]+:)([^)#\s]*)#([^)\s]+)\)/gi))
        .map(([, to = '', anchor = '']) => ({ target: to ? posix.join(dirname(name), to) : name, anchor }))
        .filter(({ target }) => target.endsWith('.md'))
        .filter(({ target, anchor }) => {
          const titles = headings(read(target));
          return !titles.map(hostAnchor).includes(anchor) || !titles.map(siteAnchor).includes(anchor);
        })
        .map(({ target, anchor }) => `${name}: ${target}#${anchor}`),
    );
    assert.deepEqual(wrong, []);
  });

  it('has a front page that is read at once: a picture, three commands, all else by link', () => {
    const readme = read('README.md');
    assert.ok(readme.split('\n').length <= 150);
    const screen = readme.split('\n').slice(0, 12).join('\n');
    const [, picture = ''] = /!\[[^\]]+\]\(([^)]+)\)/.exec(screen) ?? [];
    assert.ok(existsSync(join(ROOT, picture)), picture);
    const commands = Array.from(readme.matchAll(/```sh\n([\s\S]*?)```/g), ([, code = '']) => code.trim());
    assert.equal(commands.length, 3);
    assert.deepEqual([commands[0], commands[2]], ['npm ci && npm start', 'npm ci && npm test']);
  });

  it('marks as sh what a test runs, and as shell what needs an account or a machine elsewhere', () => {
    const marked = DOCUMENTS.filter((name) => /^```sh$/m.test(read(name)));
    const runBy: Readonly<Record<string, string>> = {
      'README.md': 'test/shipped/follow-readme.ts',
      'docs/api.md': 'test/shipped/follow-readme.ts',
      'docs/edit-a-picture.md': 'test/shipped/follow-readme.ts',
      // The README's own commands once more.
      'docs/start.md': 'test/shipped/follow-readme.ts',
      'docs/moving-in.md': 'test/shipped/moving-in.test.ts',
      'docs/settings.md': 'test/shipped/readme.test.ts',
      'docs/tests.md': '.ci/run',
    };
    for (const name of marked) assert.ok(runBy[name], `${name}: which test runs it?`);
    const commands = (name: string) => read(name).match(/```sh\n[\s\S]*?```/g) ?? [];
    for (const command of commands('docs/start.md')) assert.ok(read('README.md').includes(command), command);
  });

  it('speaks plainly', () => {
    const words = /\b(develops|asleep|dear|dearer|whoever|nobody|somebody|ground to load on)\b/gi;
    const found = DOCUMENTS.filter((name) => name !== 'SECURITY.md')
      .concat(PACKAGE_READMES)
      .flatMap((name) => (withoutCode(read(name)).match(words) ?? []).map((word) => `${name}: ${word}`));
    assert.deepEqual(found, []);
  });
});
