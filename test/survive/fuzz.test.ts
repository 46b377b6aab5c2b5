import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fuzz } from './fuzz-run.ts';

/** `npm run fuzz` sends 20,000; what it shares with this is everything but the number. */
const INPUTS = 1000;
const SEED = 1;
/**
 * Of each format's inputs, how many are accepted with the sharp that is installed (render/sharp.ts). A change means that more,
 * or fewer, broken files are served than before: look at which.
 */
const ACCEPTED: Readonly<Record<string, number>> = {
  jpeg: 27,
  'jpeg 4:4:4': 21,
  'jpeg progressive': 14,
  'jpeg CMYK': 16,
  'jpeg grey': 19,
  png: 2,
  'png 16 bit': 7,
  'png alpha': 2,
  'png palette': 2,
  'png interlaced': 9,
  'png animated': 20,
  webp: 16,
  'webp lossless': 13,
  'webp extended': 20,
  'webp alpha': 15,
  'gif animated': 35,
  'webp animated': 27,
  gif: 9,
  'avif alpha': 7,
  avif: 0,
  'avif 10 bit': 7,
};

describe('broken files', () => {
  it(`${INPUTS} by seed ${SEED}: 200, 413 or 422, in time, sound, and the same in a second process`, async (t) => {
    const { byFormat, memory, sameInSecond, broken, seconds } = await fuzz({ inputs: INPUTS, seed: SEED });
    const accepted = Object.fromEntries(Array.from(byFormat, ([format, tally]) => [format, tally.accepted]));
    const slowest = Math.max(...Array.from(byFormat.values(), ({ slowestMs }) => slowestMs));
    t.diagnostic(
      `${INPUTS} inputs in ${seconds} s, slowest ${slowest} ms, ${sameInSecond} accepted and the same twice`,
    );
    t.diagnostic(`MiB: ${memory.before} before, ${memory.peak} at the peak, ${memory.after} afterwards`);
    assert.deepEqual(broken, []);
    assert.deepEqual(accepted, ACCEPTED);
  });
});
