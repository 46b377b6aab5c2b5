/**
 * Writes the table of settings into the README, from the schema that reads them.
 *
 *   npm run docs:settings
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { settingRows } from '../src/process/settings.ts';

const README = new URL('../README.md', import.meta.url);
const BEGIN = '<!-- settings: npm run docs:settings -->\n';
const END = '<!-- end of settings -->';

/** The README with its table of settings generated from the schema. Throws when the README lacks the table's markers. */
export function withSettings(readme: string): string {
  const [before, rest] = readme.split(BEGIN);
  const [, after] = rest?.split(END) ?? [];
  if (before === undefined || after === undefined) throw new Error('the README has no place for its settings');
  const rows = [['variable', 'default', 'meaning'], ['---', '---', '---'], ...settingRows()];
  const table = rows.map((cells) => `| ${cells.join(' | ')} |\n`).join('');
  return `${before}${BEGIN}${table}${END}${after}`;
}

if (import.meta.main) writeFileSync(README, withSettings(readFileSync(README, 'utf8')));
