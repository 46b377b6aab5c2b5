import assert from 'node:assert/strict';
import { it } from 'node:test';
import { runMutants } from './heic-mutants.ts';

it('broken HEIC files crash nothing, are served or refused as theirs, and leave no thread behind', async () => {
  // Resolves when no thread is left.
  const { statuses } = await runMutants(80, 3);
  const { 200: served = 0, 413: tooLarge = 0, 422: unreadable = 0 } = statuses;
  assert.equal(served + tooLarge + unreadable, 80, JSON.stringify(statuses));
  assert.ok(unreadable > 20 && served > 5, JSON.stringify(statuses));
});
