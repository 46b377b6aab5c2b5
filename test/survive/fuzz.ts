import { parseArgs } from 'node:util';
import { conditions, markdownTable } from '../../bench/tools/report.ts';
import { decodedFuzz } from './decoded-fuzz.ts';
import { fuzz, type Tally } from './fuzz-run.ts';

/** `npm run fuzz -- --inputs 20000 --seed 1`, with `--decoded tiff` for a format that sharp does not read: prints what became of broken files, and exits 1 when a promise broke. */
const { values } = parseArgs({
  options: { inputs: { type: 'string' }, seed: { type: 'string' }, decoded: { type: 'string' } },
});
const [inputs, seed] = [Number(values.inputs ?? 20_000), Number(values.seed ?? 1)];

const kind = values.decoded === undefined ? {} : await decodedFuzz(values.decoded);
const { byFormat, byMutation, memory, sameInSecond, broken, seconds } = await fuzz({ inputs, seed, ...kind });

const HEAD = ['inputs', '200', '413', '422', 'slowest ms', 'peak RSS MiB'];
const cells = (tally: Tally) => [
  tally.inputs,
  tally.accepted,
  tally.tooLarge,
  tally.refused,
  tally.slowestMs,
  tally.peakMiB,
];
const table = (title: string, tallies: ReadonlyMap<string, Tally>) =>
  markdownTable(
    [title, ...HEAD],
    Array.from(tallies, ([name, tally]) => [name, ...cells(tally)]),
  );
const { date, ...about } = conditions();

process.stdout.write(
  `${[
    `# fuzz, ${date}`,
    Object.entries({ ...about, inputs, seed, seconds })
      .map(([name, value]) => `${name} ${value}`)
      .join(' · '),
    'Valid files made by code, broken by a fixed seed, each through the HTTP path of a real server process; four at a time.',
    table('format', byFormat),
    table('mutation', byMutation),
    `Resident memory of the server in MiB: ${memory.before} before, ${memory.peak} at its peak, ${memory.after} afterwards.`,
    `Accepted files rendered again in a second process: ${sameInSecond}, each with the same bytes.`,
    broken.length === 0
      ? 'Promises broken: 0.'
      : `Promises broken: ${broken.length}.\n\n- ${broken.slice(0, 50).join('\n- ')}`,
  ].join('\n\n')}\n`,
);
process.exitCode = broken.length === 0 ? 0 : 1;
