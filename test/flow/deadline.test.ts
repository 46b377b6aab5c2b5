import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDeadline } from '../../src/flow/deadline.ts';

describe('a deadline', () => {
  it('comes with a TimeoutError', async () => {
    using deadline = startDeadline(new AbortController().signal, 5);
    assert.equal(deadline.signal.aborted, false);
    await sleep(50);
    assert.equal(deadline.expired, true);
    assert.ok(deadline.signal.reason instanceof DOMException);
    assert.equal(deadline.signal.reason.name, 'TimeoutError');
  });

  it('comes early when its parent gives up, with the parent’s reason', () => {
    const parent = new AbortController();
    using deadline = startDeadline(parent.signal, 60_000);
    const reason = new Error('gave up');
    parent.abort(reason);
    assert.equal(deadline.signal.reason, reason);
    assert.equal(deadline.expired, false);
    using late = startDeadline(parent.signal, 60_000);
    assert.equal(late.signal.reason, reason);
  });

  it('does not come after the work, and leaves nothing with its parent', async () => {
    const parent = new AbortController();
    const { signal } = (() => {
      using deadline = startDeadline(parent.signal, 5);
      assert.equal(getEventListeners(parent.signal, 'abort').length, 1);
      return deadline;
    })();
    assert.equal(getEventListeners(parent.signal, 'abort').length, 0);
    await sleep(30);
    parent.abort();
    assert.equal(signal.aborted, false);
  });
});
