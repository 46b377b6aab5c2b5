import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runSoak } from '../../bench/tools/soak-run.ts';
import { SHARES } from '../../bench/tools/soak-traffic.ts';

/** What a machine that is busy with other tests may make of any request, and no fault of the server's. */
const TOO_BUSY = [503, 504];

describe('a soak in miniature', () => {
  it('of all kinds of traffic: each answer is one that its request is owed, and everything opened is closed', async (t) => {
    const s3 = process.env.TEST_S3_ENDPOINT !== undefined;
    const report = await runSoak({ seconds: 10, rate: 25, seed: 7, sampleSeconds: 5, s3, allocator: 'arenas, mmap' });
    const { outcomes, sockets, gauges, planted, exit } = report;
    const wrong = outcomes.filter((outcome) => outcome.wrong && !TOO_BUSY.includes(Number(outcome.status)));
    assert.deepEqual(wrong, []);
    const kinds = new Set(outcomes.map(({ kind }) => kind));
    for (const kind of Object.keys(SHARES))
      assert.ok(kinds.has(kind as keyof typeof SHARES) || (kind === 'store fault' && !s3), kind);
    assert.deepEqual([...new Set(Object.values(gauges))], [0], JSON.stringify(gauges));
    assert.ok(sockets.after <= sockets.before, JSON.stringify(sockets));
    assert.equal(exit.code, 0);
    const faults = Object.values(planted).reduce((sum, times) => sum + times, 0);
    t.diagnostic(
      `${outcomes.length} requests, ${faults} faults, not owed: ${wrong.length}, sockets ${sockets.before} before, ${sockets.after} after`,
    );
  });
});
