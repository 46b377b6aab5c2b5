/**
 * Writes the table of settings into docs/settings.md, from the schema that reads them.
 *
 *   npm run docs:settings
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { settingRows } from '../src/process/settings.ts';

const PAGE = new URL('../docs/settings.md', import.meta.url);
const BEGIN = '<!-- settings: npm run docs:settings -->\n';
const END = '<!-- end of settings -->';

/** The page with its table of settings generated from the schema. Throws when it lacks the table's markers. */
export function withSettings(page: string): string {
  const [before, rest] = page.split(BEGIN);
  const [, after] = rest?.split(END) ?? [];
  if (before === undefined || after === undefined) throw new Error('docs/settings.md has no place for the settings');
  const rows = [['variable', 'default', 'meaning'], ['---', '---', '---'], ...settingRows()];
  const table = rows.map((cells) => `| ${cells.join(' | ')} |\n`).join('');
  return `${before}${BEGIN}${table}${END}${after}`;
}

if (import.meta.main) writeFileSync(PAGE, withSettings(readFileSync(PAGE, 'utf8')));
