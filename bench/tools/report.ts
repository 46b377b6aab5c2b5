import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';

/** What a figure depends on, without a name or path of this machine. */
export function conditions() {
  const [cpu] = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: `${cpus().length} × ${cpu?.model.trim()}`,
    node: process.versions.node,
    sharp: sharp.versions.sharp,
    libvips: sharp.versions.vips,
  };
}

export function markdownTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Writes `<date>-<name>.json` and `.md`, and prints the Markdown. */
export function writeReport(folder: string, name: string, markdown: string, data: unknown): void {
  const about = conditions();
  const { date, ...rest } = about;
  const text = `# ${name}, ${date}\n\n${Object.entries(rest)
    .map(([key, value]) => `${key} ${value}`)
    .join(' · ')}\n\n${markdown}\n`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${date}-${name}.md`), text);
  writeFileSync(join(folder, `${date}-${name}.json`), `${JSON.stringify({ conditions: about, data }, null, 1)}\n`);
  process.stdout.write(text);
}

/** The data of the newest report of that name. Throws where there is none: figures are measured, never typed in. */
export function latestReport<Data>(folder: string, name: string): Data {
  const ours = new RegExp(`^\\d{4}-\\d\\d-\\d\\d-${name}\\.json$`);
  const file = readdirSync(folder)
    .filter((one) => ours.test(one))
    .sort()
    .at(-1);
  if (!file) throw new Error(`there is no result of bench/${name}.ts in ${folder}: run that first`);
  return JSON.parse(readFileSync(join(folder, file), 'utf8')).data;
}
