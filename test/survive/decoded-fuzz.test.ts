import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodedFuzz } from './decoded-fuzz.ts';
import { fuzz } from './fuzz-run.ts';

/** `npm run fuzz -- --decoded tiff --inputs 1000` sends 1,000 of one format; what it shares with this is everything but the number. */
const INPUTS = 280;
const SEED = 1;

describe('broken files of formats that are decoded outside sharp', () => {
  it(`${INPUTS} by seed ${SEED}: 200, 413 or 422, in time, sound, the same in a second process, and no thread is left`, async (t) => {
    const { byFormat, memory, sameInSecond, broken, seconds } = await fuzz({
      inputs: INPUTS,
      seed: SEED,
      ...(await decodedFuzz()),
    });
    t.diagnostic(
      `${INPUTS} inputs of ${byFormat.size} kinds in ${seconds} s, ${sameInSecond} accepted and the same twice`,
    );
    t.diagnostic(`MiB: ${memory.before} before, ${memory.peak} at the peak, ${memory.after} afterwards`);
    assert.equal(byFormat.size, 34);
    assert.ok(sameInSecond > 10);
    assert.deepEqual(broken, []);
  });
});
