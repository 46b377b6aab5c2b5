/**
 * What it takes to resolve a preset: microseconds of CPU a call of `presets.resolve`, from a name or a recipe in the URL to what is
 * rendered, by a server that has seen it before; and of an inline recipe that it reads for the first time. At most 20 are promised.
 *
 *   node bench/presets.ts [--rounds 30] [--name presets] [--out bench/results]
 */

import { NO_ASSETS } from '../src/presets/known-assets.ts';
import { createPresets } from '../src/presets/presets.ts';
import { BUILT_IN_PRESETS } from '../src/url/built-in-presets.ts';
import { benchOptions, median, quantile } from './tools/options.ts';
import { markdownTable, writeReport } from './tools/report.ts';

const values = benchOptions({ rounds: '30', name: 'presets' });
const LIMIT_US = 20;
const CALLS = 2000;
const ACCEPT = 'image/avif,image/webp,image/apng,image/*,*/*;q=0.8';
const logo = { image: 'logo.png', position: 'southeast', offset: { x: 20, y: 20 }, width: 20, opacity: 0.8 };
const text = { size: 24, position: 'south', color: '#ffffff', outline: { width: 1, color: '#000000' } };
const definitions = {
  ...BUILT_IN_PRESETS,
  auto: { width: 640, fit: 'inside', format: 'auto', widths: [320, 960], quality: 'auto', sharpen: 'auto' },
  card: {
    ...{ width: 600, height: 600, format: 'auto', radius: 24, brightness: 1.1 },
    overlays: [logo, { ...text, text: 'Sold by {seller} in {town}' }, { ...text, text: '{price}', position: 'north' }],
  },
};
const assets = { ...NO_ASSETS, image: (name: string) => (name === 'logo.png' ? 'a'.repeat(64) : undefined) };
const presets = createPresets({ definitions, inline: true, faces: true, renderTimeoutMs: 30_000, assets });
const variables = { seller: 'Ines & Söhne', town: 'Lyon', price: '1 200 €' };
const INLINE = 'w_300,h_300,fit_cover,f_webp,q_80,g_north,sharpen_auto,radius_24';

const WAYS: Readonly<Record<string, (call: number) => unknown>> = {
  'a name': () => presets.resolve('medium', '', ACCEPT),
  'a name, format by Accept, a width': () => presets.resolve('auto', '@320w', ACCEPT),
  'an inline recipe': () => presets.resolve(INLINE, '', ACCEPT),
  'an inline recipe, a hundred in turns': (call) => presets.resolve(`w_${300 + (call % 100)},h_300,f_webp`, '', ACCEPT),
  'three overlays, three variables': () => presets.resolve('card', '', ACCEPT, variables),
  'three overlays, three variables, @2x.webp': () => presets.resolve('card', '@2x.webp', ACCEPT, variables),
  'an inline recipe for the first time (no promise)': (call) =>
    presets.resolve(`${INLINE},age_${next + call}`, '', ACCEPT),
};
let next = 1;

function usOf(way: (call: number) => unknown): number {
  const before = process.cpuUsage();
  for (let call = 0; call < CALLS; call += 1) way(call);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / CALLS;
}

const found = Object.fromEntries(Object.keys(WAYS).map((name): [string, number[]] => [name, []]));
for (let round = 0; round < Number(values.rounds); round += 1)
  for (const [name, way] of Object.entries(WAYS)) {
    found[name]?.push(usOf(way));
    next += CALLS;
  }
const rows = Object.entries(found).map(([name, us]) => ({ name, us: median(us), slow: quantile(us, 0.95) }));
writeReport(
  values.out,
  values.name,
  `Microseconds of CPU a call, ${CALLS} calls a round, ${values.rounds} rounds in turns; at most ${LIMIT_US} are promised.\n\n${markdownTable(
    ['what is resolved', 'median round', '95 of 100 rounds'],
    rows.map(({ name, us, slow }) => [name, us.toFixed(2), slow.toFixed(2)]),
  )}`,
  rows,
);
