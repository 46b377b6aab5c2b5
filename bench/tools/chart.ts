/** One line over time; gaps where there is no value. */
export interface Line {
  readonly name: string;
  readonly colour: string;
  readonly values: readonly (number | undefined)[];
}

/** Lines that share a scale from 0 to the highest value. */
export interface Panel {
  readonly title: string;
  readonly lines: readonly Line[];
}

const WIDTH = 960;
const PANEL_HEIGHT = 150;
const MARGIN = { left: 64, right: 190, top: 28, bottom: 22 } as const;
const GRID = 4;

/** Panels below each other over the same times, in minutes. An SVG document. */
export function lineChart(title: string, minutes: readonly number[], panels: readonly Panel[]): string {
  const last = Math.max(...minutes, 0.1);
  const step = MARGIN.top + PANEL_HEIGHT + MARGIN.bottom;
  const height = 40 + panels.length * step;
  const x = (minute: number) => MARGIN.left + (minute / last) * (WIDTH - MARGIN.left - MARGIN.right);
  const body = panels.map((panel, at) => drawPanel(panel, minutes, x, 40 + at * step + MARGIN.top));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
<text x="${MARGIN.left}" y="24" font-size="16">${escaped(title)}</text>
${body.join('\n')}
</svg>
`;
}

function drawPanel({ title, lines }: Panel, minutes: readonly number[], x: (minute: number) => number, top: number) {
  const most = niceCeiling(Math.max(...lines.flatMap(({ values }) => values.map((value) => value ?? 0)), 1e-6));
  const y = (value: number) => top + PANEL_HEIGHT * (1 - value / most);
  const right = x(Math.max(...minutes, 0.1));
  const parts = [`<text x="${MARGIN.left}" y="${top - 8}" font-weight="bold">${escaped(title)}</text>`];
  for (let at = 0; at <= GRID; at += 1) {
    const value = (most * at) / GRID;
    parts.push(
      `<line x1="${MARGIN.left}" x2="${right}" y1="${y(value)}" y2="${y(value)}" stroke="#ddd"/>`,
      `<text x="${MARGIN.left - 6}" y="${y(value) + 4}" text-anchor="end" fill="#555">${Number(value.toPrecision(3))}</text>`,
    );
  }
  const last = Math.max(...minutes, 0.1);
  for (let minute = 0; minute <= last; minute += Math.max(1, Math.round(last / 10)))
    parts.push(
      `<text x="${x(minute)}" y="${top + PANEL_HEIGHT + 15}" text-anchor="middle" fill="#555">${minute} min</text>`,
    );
  for (const [at, { name, colour, values }] of lines.entries()) {
    const points = values.flatMap((value, n) =>
      value === undefined ? [] : [`${x(minutes[n] ?? 0).toFixed(1)},${y(value).toFixed(1)}`],
    );
    parts.push(
      `<polyline fill="none" stroke="${colour}" stroke-width="1.5" points="${points.join(' ')}"/>`,
      `<rect x="${right + 14}" y="${top + at * 18}" width="12" height="12" fill="${colour}"/>`,
      `<text x="${right + 32}" y="${top + at * 18 + 10}">${escaped(name)}</text>`,
    );
  }
  return parts.join('\n');
}

/** 1, 2, 2.5 or 5 times a power of ten. */
function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= value) ?? 10);
}

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
}
