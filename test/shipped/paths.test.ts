import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';

const root = new URL('../..', import.meta.url).pathname;
/** What happened once stays as it was written: the change log and dated results. */
const HISTORY = /^(CHANGELOG\.md|bench\/results\/)/;
/** What a build makes or an installation brings. */
const MADE = /^(bench\/others\/node_modules|dist|node_modules)(\/|$)/;

const documents = globSync('**/*.md', { cwd: root, exclude: (name) => /^(node_modules|dist|data|\.git)$/.test(name) })
  .filter((file) => !HISTORY.test(file) && !MADE.test(file))
  .sort();
/** What shops install: there `src/` is the shop's own folder. */
const OF_SHOPS = /^packages\/\w+\/README\.md$/;
const TOP = 'src|test|bench|build|tools|docs|examples|ops|samples';
/** A path of this repository: all of a code span, or any word with an ending or a slash at its end. */
const PATHS = [
  new RegExp(`(?<=\`)(?:${TOP})/[\\w./@-]*(?=\`)`, 'g'),
  new RegExp(`(?<![\\w./-])(?:${TOP})/(?:[\\w.@-]+/)*(?:[\\w@-][\\w.@-]*\\.\\w+)?(?!\\.?[\\w@/-])`, 'g'),
];

function pathsIn(file: string): Set<string> {
  const text = readFileSync(join(root, file), 'utf8');
  const found = PATHS.flatMap((path) => text.match(path) ?? []);
  return new Set(found.filter((path) => !(OF_SHOPS.test(file) && path.startsWith('src/'))));
}

describe('the documents', () => {
  it('name files and folders that exist', (t) => {
    const named = documents.flatMap((file) => Array.from(pathsIn(file), (path) => ({ file, path })));
    const missing = named.filter(
      ({ file, path }) => ![root, dirname(join(root, file))].some((at) => existsSync(join(at, path))),
    );
    assert.deepEqual(
      missing.map(({ file, path }) => `${file}: ${path}`),
      [],
    );
    t.diagnostic(`${named.length} paths in ${documents.length} documents`);
    assert.ok(named.length > 200, String(named.length));
  });

  it('link to files that exist', () => {
    const broken = documents.flatMap((file) => {
      const links = readFileSync(join(root, file), 'utf8').matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g);
      return Array.from(links, ([, to = '']) => to)
        .filter((to) => !existsSync(join(root, dirname(file), to)))
        .map((to) => `${file}: ${to}`);
    });
    assert.deepEqual(broken, []);
  });

  it('give every folder of src its row in CONTRIBUTING.md and docs/how-it-is-built.md, and every folder of test in CONTRIBUTING.md', () => {
    const folders = (of: string) => globSync(`${of}/*/`, { cwd: root }).map((folder) => folder.replace(/\/$/, ''));
    for (const [document, of] of [
      ['CONTRIBUTING.md', 'src'],
      ['docs/how-it-is-built.md', 'src'],
      ['CONTRIBUTING.md', 'test'],
    ] as const) {
      const text = readFileSync(join(root, document), 'utf8');
      assert.deepEqual(
        folders(of).filter((folder) => !text.includes(`\`${folder}/\``) && !text.includes(`\`${folder}\``)),
        [],
        document,
      );
    }
  });
});
