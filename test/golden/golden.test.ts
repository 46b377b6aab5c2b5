/**
 * The golden list: what a real server answers to one fixed set of URLs, to the byte, with SVT-AV1 and without. It is for
 * changes that are to change nothing: a moved file, a new seam, another version of a library. Each line of the two text files
 * beside this one is an answer: status, headers, digest of the body.
 *
 * A test that fails names the answers that differ and what of them. Where that is meant, `npm run golden` writes both files
 * anew (with SVT-AV1 in place: `npm run build:avif`); read the diff before you commit it. New pixels need a new
 * RENDER_REVISION too, which changes every ETag.
 */
import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { presetSchema } from '../../src/presets/schema.ts';
import { svtAv1Skip } from '../helpers/svt-av1.ts';
import { listAnswers } from './answers.ts';
import { FIELDS, KINDS, operations, PAIRS } from './operations.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const UPDATES = process.env.UPDATE_GOLDEN === '1';
/** Some 15 s each; a slow machine may look for faces for longer. */
const LIMIT = { timeout: 300_000 };
const MOST_SHOWN = 60;

describe('the golden list', () => {
  it('has an answer for each field of a preset on each kind of original, and for forty pairs', () => {
    const asked = Object.entries(FIELDS).filter(([field, [, definition]]) => field in definition);
    assert.deepEqual(asked.map(([field]) => field).sort(), Object.keys(presetSchema.shape).sort());
    assert.ok(Object.keys(PAIRS).length >= 40, `${Object.keys(PAIRS).length} pairs`);
    const labels = new Set(operations().asked.map(({ label }) => label));
    for (const field of Object.keys(FIELDS))
      for (const kind of KINDS)
        assert.ok(
          [...labels].some((label) => label.startsWith(field) && label.endsWith(` of ${kind}`)),
          `${field} of ${kind}`,
        );
    assert.equal(labels.size, operations().asked.length, 'no label stands twice');
  });

  let copy: string;
  before(async () => {
    copy = await mkdtemp(join(tmpdir(), 'darkroom-without-svt-av1-'));
    // The server takes SVT-AV1 where it finds it, so here it finds none.
    const filter = (path: string) => !/\.(node|so(\.[\d.]+)?)$/.test(path);
    await cp(join(ROOT, 'src'), join(copy, 'src'), { recursive: true, filter });
    await cp(join(ROOT, 'package.json'), join(copy, 'package.json'));
    await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  });
  after(() => rm(copy, { recursive: true, force: true }));

  it('is answered without SVT-AV1', LIMIT, () => compare('without-svt-av1.txt', join(copy, 'src/main.ts')));

  // Not skipped but absent, so that a run without the addon has no skipped test of this file. An update needs both.
  if (!svtAv1Skip || UPDATES)
    it('is answered with SVT-AV1', LIMIT, async () => {
      assert.ok(!svtAv1Skip, String(svtAv1Skip));
      await compare('with-svt-av1.txt', join(ROOT, 'src/main.ts'), 'svt-av1');
    });
});

async function compare(name: string, main: string, coder?: 'svt-av1'): Promise<void> {
  const file = join(import.meta.dirname, name);
  const found = await listAnswers(main, coder);
  assert.equal(byLabel(found).size, found.length, 'two answers have the same label');
  if (UPDATES) return writeFile(file, `${found.join('\n')}\n`);
  const expected = (await readFile(file, 'utf8')).trimEnd().split('\n');
  const differences = compareLists(expected, found);
  const shown = [...differences.slice(0, MOST_SHOWN), ...(differences.length > MOST_SHOWN ? ['…'] : [])];
  assert.ok(differences.length === 0, `${differences.length} answers differ from ${name}:\n${shown.join('\n')}`);
  assert.deepEqual(found, expected, 'the same answers in another order');
}

function compareLists(expected: readonly string[], found: readonly string[]): string[] {
  const before = byLabel(expected);
  const now = byLabel(found);
  return [...new Set([...before.keys(), ...now.keys()])].flatMap((label) => {
    const [old, fresh] = [before.get(label), now.get(label)];
    if (!old || !fresh) return [`${label}: ${old ? 'is in the list and was not asked' : 'is not in the list'}`];
    const gone = old.filter((field) => !fresh.includes(field));
    const come = fresh.filter((field) => !old.includes(field));
    const same = gone.length === 0 && come.length === 0;
    return same
      ? []
      : [`${label}:`, ...gone.map((field) => `  - ${field}`), ...come.map((field) => `  + ${field}`)].join('\n');
  });
}

/** Status, headers and digest of each. */
function byLabel(lines: readonly string[]): Map<string, string[]> {
  return new Map(
    lines.map((line) => {
      const [label = '', ...fields] = line.split(' | ');
      return [label, fields];
    }),
  );
}
