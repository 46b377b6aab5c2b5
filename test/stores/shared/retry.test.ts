import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Agent } from 'undici';
import { openPools } from '../../../src/stores/shared/pools.ts';
import { createRetries, Unanswered } from '../../../src/stores/shared/retry.ts';

type Step = 'stumble' | 'skew' | 'dead' | 'fail' | 'ok';

describe('retries of a store behind HTTP', () => {
  const limit = new AbortController().signal;
  let pools: Awaited<ReturnType<typeof openPools>>;
  before(async () => {
    pools = await openPools({ timeoutMs: 1000 });
  });
  after(() => pools.destroy());

  /** Sends a request to which the store answers these steps, one an attempt. */
  async function send(steps: readonly Step[], retries = createRetries(), signal = limit) {
    const left = [...steps];
    const agents: string[] = [];
    const dropped: Step[] = [];
    const outcome = await retries
      .send<Step>(pools, {
        async send(agent: Agent) {
          agents.push(agent === pools.pool ? 'pool' : 'fresh');
          const step = left.shift() ?? 'ok';
          if (step === 'dead') throw new Unanswered('reset');
          if (step === 'fail') throw new Error('failed');
          return step;
        },
        again: (step) => (step === 'stumble' ? 'after a pause' : step === 'skew' ? 'at once' : undefined),
        drop: (step) => dropped.push(step),
        limit: signal,
      })
      .catch((error: Error) => error.message);
    return { outcome, agents, dropped };
  }

  it('repeat once what stumbled, over the pool, and release the first answer', async () => {
    assert.deepEqual(await send(['ok']), { outcome: 'ok', agents: ['pool'], dropped: [] });
    for (const step of ['stumble', 'skew'] as const) {
      assert.deepEqual(await send([step, 'ok']), { outcome: 'ok', agents: ['pool', 'pool'], dropped: [step] });
      assert.deepEqual(await send([step, step, 'ok']), { outcome: step, agents: ['pool', 'pool'], dropped: [step] });
    }
    assert.deepEqual(await send(['fail', 'ok']), { outcome: 'failed', agents: ['pool'], dropped: [] });
  });

  it('repeat once over a new connection what was never answered, three sends at most', async () => {
    assert.deepEqual((await send(['dead', 'ok'])).agents, ['pool', 'fresh']);
    assert.deepEqual(await send(['dead', 'dead']), { outcome: 'reset', agents: ['pool', 'fresh'], dropped: [] });
    const worst = await send(['dead', 'stumble', 'dead', 'ok']);
    assert.deepEqual(worst, { outcome: 'reset', agents: ['pool', 'fresh', 'pool'], dropped: ['stumble'] });
  });

  it('are a tenth of the calls, and ten at first; dead connections do not count', async () => {
    const retries = createRetries();
    let sent = 0;
    for (let n = 0; n < 100; n += 1) {
      retries.earn();
      sent += (await send(['skew', 'skew'], retries)).agents.length;
      sent += (await send(['dead', 'ok'], retries)).agents.length - 2;
    }
    assert.ok(sent >= 118 && sent <= 120, `${sent} requests for 100 calls`);
  });

  it('end with the call: no send after its signal aborted', async () => {
    const caller = new AbortController();
    const sending = send(['stumble', 'ok'], createRetries(), caller.signal);
    caller.abort(new Error('gave up'));
    assert.deepEqual((await sending).agents, ['pool']);
    assert.deepEqual((await send(['dead', 'ok'], createRetries(), caller.signal)).agents, ['pool']);
  });
});
