import { type Compared, isConfirmed, type Judged, type Verdict } from './judge.ts';
import { AGREES } from './pixels.ts';

const COLUMNS: readonly [title: string, count: (rows: readonly Judged[]) => number][] = [
  ['files', (rows) => rows.length],
  ['served', (rows) => rows.length - of(rows, 'shown') - of(rows, 'refused')],
  ['agree with both', (rows) => of(rows, 'both')],
  ['with Chromium only', (rows) => of(rows, 'chromium')],
  ['with the second only', (rows) => of(rows, 'second')],
  ['with neither', (rows) => of(rows, 'neither')],
  ['of these with a third', (rows) => rows.filter(isConfirmed).length],
  ['no reference shows it', (rows) => of(rows, 'alone')],
  ['refused, Chromium shows it', (rows) => of(rows, 'shown')],
  ['refused, as by Chromium', (rows) => of(rows, 'refused')],
];

const of = (rows: readonly Judged[], verdict: Verdict) => rows.filter((row) => row.verdict === verdict).length;

/** Markdown: what was compared by which rule, the table by format, and the files to look at. */
export function reportOf(
  rows: readonly Judged[],
  references: { readonly chromium: string; readonly second: string; readonly third: readonly string[] },
): string {
  const formats = Map.groupBy(rows, ({ format }) => format);
  const line = (name: string, all: readonly Judged[]) => row([name, ...COLUMNS.map(([, count]) => count(all))]);
  const listed = (verdict: Verdict) => rows.filter((one) => one.verdict === verdict);
  return [
    `Beside Chromium ${references.chromium}; second decoder: ${references.second}. Pictures agree when they are of one size, differ by`,
    `${AGREES.mean} levels of 255 or less in the mean, and by ${AGREES.block} or less in the mean of each square of 8 × 8 pixels, on black and on white.`,
    `Third decoders, asked where neither agrees: ${references.third.join(', ') || 'none'}.`,
    '',
    row(['format', ...COLUMNS.map(([title]) => title)]),
    row(['---', ...COLUMNS.map(() => '---:')]),
    ...Array.from(formats)
      .sort()
      .map(([format, all]) => line(format, all)),
    line('all', rows),
    '',
    ...section(
      'With no decoder',
      listed('neither').filter((one) => !isConfirmed(one)),
    ),
    ...section('With a third only', listed('neither').filter(isConfirmed)),
    ...section('Refused, Chromium shows it', listed('shown')),
  ].join('\n');
}

const row = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;

function section(title: string, rows: readonly Judged[]): string[] {
  if (rows.length === 0) return [];
  const lines = rows.map(
    ({ path, refusal, byChromium, bySecond, byThird = [] }) =>
      `- ${path}: ${refusal ? `${refusal}; ` : ''}Chromium ${told(byChromium)}; second ${told(bySecond)}${byThird
        .map((third) => `; ${third.by} ${told(third)}`)
        .join('')}`,
  );
  return [`${title}:`, '', ...lines, ''];
}

function told(compared: Compared): string {
  if ('why' in compared) return compared.why;
  const { mean, block, worst, sizes } = compared;
  return sizes ?? `mean ${mean.toFixed(2)}, square ${block.toFixed(1)}, worst ${worst.toFixed(0)}`;
}
