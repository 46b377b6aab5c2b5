import { parseArgs } from 'node:util';
import { described, planOf } from './purge-fuzz/operations.ts';
import { run } from './purge-fuzz-run.ts';

const { values } = parseArgs({
  options: { runs: { type: 'string' }, from: { type: 'string' }, seed: { type: 'string' }, log: { type: 'boolean' } },
});
const [from, runs] = values.seed ? [Number(values.seed), 1] : [Number(values.from ?? 1), Number(values.runs ?? 10_000)];
const since = performance.now();
let failed = 0;
const totals: Record<string, number> = {};
for (let seed = from; seed < from + runs; seed += 1) {
  const plan = planOf(seed);
  const { broken, counts, log } = await run(plan);
  for (const [name, value] of Object.entries(counts)) totals[name] = (totals[name] ?? 0) + value;
  if (values.log) process.stdout.write(`${log.join('\n')}\n`);
  if (broken.length === 0) continue;
  failed += 1;
  process.stdout.write(`seed ${seed}: ${broken.slice(0, 5).join('\n  ')}\n`);
  if (values.seed) process.stdout.write(`${plan.operations.map(described).join('\n')}\n`);
}
process.stdout.write(
  `${runs} runs, ${failed} failed, ${Math.round(performance.now() - since)} ms ${JSON.stringify(totals)}\n`,
);
process.exitCode = failed === 0 ? 0 : 1;
