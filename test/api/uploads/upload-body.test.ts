import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { discardBody, exactBody } from '../../../src/api/uploads/upload-body.ts';

const CHUNK = 10_000;
const live = () => new AbortController().signal;
/** Chunks as Node's server makes them: each an allocation of its own. */
const bodyOf = (chunks: readonly Buffer[]) => Readable.from(chunks, { objectMode: false });
const chunks = (count: number) => Array.from({ length: count }, (_, n) => Buffer.alloc(CHUNK, n + 1));

async function lengthOf(body: Readable, size: number): Promise<number> {
  let length = 0;
  for await (const chunk of exactBody(body, size, live())) length += chunk.length;
  return length;
}

describe('the body of an upload', () => {
  it('is exactly as long as its ticket says', async () => {
    assert.equal(await lengthOf(bodyOf(chunks(3)), 3 * CHUNK), 3 * CHUNK);
    for (const size of [3 * CHUNK - 1, 3 * CHUNK + 1, 1, 10 * CHUNK]) {
      const wrong = { code: 'bad_request', publicMessage: `The upload must have ${size} bytes.` };
      await assert.rejects(lengthOf(bodyOf(chunks(3)), size), wrong);
    }
  });

  it('is read no further than a byte too much', async () => {
    let read = 0;
    const endless = new Readable({
      highWaterMark: CHUNK,
      read() {
        read += 1;
        this.push(Buffer.alloc(CHUNK));
      },
    });
    await assert.rejects(lengthOf(endless, 2 * CHUNK), { code: 'bad_request' });
    assert.ok(read < 10, `${read}`);
    assert.equal(endless.destroyed, false, 'its connection still carries the answer');
    endless.destroy();
  });

  it('frees each chunk once the next is asked for', async () => {
    const sent = chunks(4);
    const lengths: number[][] = [];
    for await (const _ of exactBody(bodyOf(sent), 4 * CHUNK, live())) lengths.push(sent.map(({ length }) => length));
    assert.deepEqual(lengths[2], [0, 0, CHUNK, CHUNK]);
    assert.deepEqual(
      sent.map(({ length }) => length),
      [0, 0, 0, 0],
    );
  });

  it('frees the chunks of a body that is discarded', async () => {
    const sent = chunks(4);
    const body = bodyOf(sent);
    discardBody(body);
    await new Promise((resolve) => body.once('end', resolve));
    assert.ok(sent.every(({ length }) => length === 0));
  });

  it('ends with the reason of its signal while the next chunk does not come, before and after', async () => {
    const reason = new Error('too slow');
    const silent = new Readable({ read() {} });
    const caller = new AbortController();
    const next = exactBody(silent, CHUNK, caller.signal).next();
    caller.abort(reason);
    await assert.rejects(next, reason);
    await assert.rejects(exactBody(silent, CHUNK, AbortSignal.abort(reason)).next(), reason);
    assert.equal(silent.destroyed, false);
    silent.destroy();
  });
});
