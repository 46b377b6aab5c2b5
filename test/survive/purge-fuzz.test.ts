import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { planOf } from './purge-fuzz/operations.ts';
import { type RunReport, run } from './purge-fuzz-run.ts';

/** `npm run fuzz:purge` plays 10,000. */
const RUNS = 60;
/** Some 30 s on two cores. */
const LIMIT_MS = 900_000;

describe('purges, replacements and restarts on several machines in random order', () => {
  it('leave nothing old anywhere once the window is over', { timeout: LIMIT_MS }, async () => {
    let purges = 0;
    for (let seed = 1; seed <= RUNS; seed += 1) {
      const { broken, counts } = await run(planOf(seed));
      assert.deepEqual(broken, [], `node test/survive/purge-fuzz.ts --seed ${seed} --log`);
      purges += counts.purges;
    }
    assert.ok(purges > RUNS, `${purges} purges`);
  });

  it('come out alike each time a plan is played', { timeout: LIMIT_MS }, async () => {
    const [first, second] = [await run(planOf(7)), await run(planOf(7))];
    // Jobs and machines name themselves by chance.
    const nameless = ({ log }: RunReport) => log.map((line) => line.replace(/[0-9a-f-]{36}|[0-9a-f]{32}/g, 'name'));
    assert.deepEqual(nameless(first), nameless(second));
  });
});
