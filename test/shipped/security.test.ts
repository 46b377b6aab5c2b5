import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

const root = new URL('../..', import.meta.url).pathname;
const text = readFileSync(join(root, 'SECURITY.md'), 'utf8');
/** Cells of the table of promises: rows, what, tests, figure. */
const rows = text
  .split('\n')
  .filter((line) => /^\| (\d|promise)/.test(line))
  .map((line) => line.split(' | '));

describe('SECURITY.md', () => {
  it('names tests that there are', () => {
    const named = rows.flatMap(([, , tests = '']) => Array.from(tests.matchAll(/`([^`]+)`(?: “([^”]+)”)?/g)));
    assert.ok(named.length > 80, String(named.length));
    for (const [, file = '', name = ''] of named) {
      assert.ok(existsSync(join(root, file)), file);
      assert.ok(readFileSync(join(root, file), 'utf8').includes(name), `${file} has no test “${name}”`);
    }
  });

  it('has a place for every row of the survival list', () => {
    const numbers = rows.flatMap(([first = '']) => first.match(/\d+/g) ?? []).map(Number);
    // There never was a row 41.
    const all = Array.from({ length: 52 }, (_, at) => at + 1).filter((row) => row !== 41);
    assert.deepEqual(
      all.filter((row) => !numbers.includes(row)),
      [],
    );
  });
});
