/**
 * Plays plans on virtual time: `--runs 10000 --from 1`, or one of them with its log: `--seed 2693 --log`. Many are played by
 * processes beside each other, each for some hundred only: what a run leaves waiting for its own time is never freed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { described, planOf } from './purge-fuzz/operations.ts';
import { run } from './purge-fuzz-run.ts';

const { values } = parseArgs({
  options: { runs: { type: 'string' }, from: { type: 'string' }, seed: { type: 'string' }, log: { type: 'boolean' } },
});
const [from, runs] = values.seed ? [Number(values.seed), 1] : [Number(values.from ?? 1), Number(values.runs ?? 10_000)];
const RUNS_A_PROCESS = 250;
const since = performance.now();
const totals: Record<string, number> = {};
const count = (counts: Readonly<Record<string, number>>) => {
  for (const [name, value] of Object.entries(counts)) totals[name] = (totals[name] ?? 0) + value;
};

async function play(seed: number): Promise<boolean> {
  const plan = planOf(seed);
  const { broken, counts, log } = await run(plan);
  count(counts);
  if (values.log) process.stdout.write(`${log.join('\n')}\n`);
  if (broken.length === 0) return true;
  process.stdout.write(`seed ${seed}: ${broken.slice(0, 5).join('\n  ')}\n`);
  if (values.seed) process.stdout.write(`${plan.operations.map(described).join('\n')}\n`);
  return false;
}

/** In a process of its own. Resolves to how many failed. */
async function playApart(first: number, number: number): Promise<number> {
  const argv = [...process.execArgv, import.meta.filename, '--from', `${first}`, '--runs', `${number}`];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [printed] = await Promise.all([text(child.stdout), once(child, 'close')]);
  const lines = printed.trimEnd().split('\n');
  const [, failed, counts] = /^\d+ runs, (\d+) failed, \d+ ms (.*)$/.exec(lines.pop() ?? '') ?? [];
  for (const line of lines) process.stdout.write(`${line}\n`);
  if (failed === undefined || counts === undefined) throw new Error(`runs from ${first} ended early: ${printed}`);
  count(JSON.parse(counts));
  return Number(failed);
}

let failed = 0;
if (runs <= RUNS_A_PROCESS) {
  for (let seed = from; seed < from + runs; seed += 1) if (!(await play(seed))) failed += 1;
} else {
  let next = from;
  const worker = async () => {
    while (next < from + runs) {
      const first = next;
      next = Math.min(from + runs, first + RUNS_A_PROCESS);
      failed += await playApart(first, next - first);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
}
process.stdout.write(
  `${runs} runs, ${failed} failed, ${Math.round(performance.now() - since)} ms ${JSON.stringify(totals)}\n`,
);
process.exitCode = failed === 0 ? 0 : 1;
