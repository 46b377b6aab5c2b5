import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, describe, it } from 'node:test';
import { createDecoders, type Decoders } from '../../src/decoders/decoders.ts';
import { DarkroomError } from '../../src/errors.ts';
import { until } from '../helpers/turns.ts';

const never = new AbortController().signal;
const file = (name: string) => readFile(new URL(`./files/${name}`, import.meta.url));
const small = await file('three-pictures.heic');
const wide = await file('display-p3.heic');
const open: Decoders[] = [];
after(() => Promise.all(open.map((decoders) => decoders.close())));

function decoders(options: Partial<Parameters<typeof createDecoders>[0]> = {}): Decoders {
  const made = createDecoders({ threads: 1, idleMs: 60_000, ...options });
  open.push(made);
  return made;
}
const whole = { side: Number.POSITIVE_INFINITY, maxPixels: 1e8, cpuMs: 10_000 };

describe('the decoders', () => {
  it('know their files by their content, unless they are left out', () => {
    assert.equal(decoders().formatOf(small)?.name, 'heic');
    assert.equal(decoders({ without: ['heic'] }).formatOf(small), undefined);
    assert.equal(decoders().formatOf(Buffer.from('\xff\xd8\xff\xe0', 'latin1')), undefined);
  });

  it('give the rows of a picture, with its profile, in memory with room for a header', async () => {
    const { memory, at, icc, ...head } = await decoders().decode('heic', wide, whole, never);
    assert.deepEqual(head, { width: 1025, height: 900, channels: 3, orientation: 1, nclx: undefined });
    assert.equal(icc?.length, 484);
    assert.ok(at >= 1024 + 484);
    assert.equal(memory.byteLength - at, 1025 * 900 * 3);
  });

  it('shrink tiles to the very side that is wanted', async () => {
    const own = decoders();
    for (const [side, width, height] of [
      [2000, 1025, 900],
      [1024, 1024, 899],
      [513, 513, 450],
      [1, 1, 1],
    ] as const) {
      const found = await own.decode('heic', wide, { ...whole, side }, never);
      assert.deepEqual([found.width, found.height], [width, height], `side ${side}`);
    }
  });

  it('refuse what is broken, and what is over the limit of pixels, and go on', async () => {
    const own = decoders();
    const codeOf = (reason: unknown) => reason instanceof DarkroomError && reason.code;
    const half = wide.subarray(0, wide.length / 2);
    await assert.rejects(own.decode('heic', half, whole, never), (reason) => codeOf(reason) === 'original_unreadable');
    const little = { ...whole, maxPixels: 1025 * 900 - 1 };
    await assert.rejects(own.decode('heic', wide, little, never), (reason) => codeOf(reason) === 'original_too_large');
    assert.equal((await own.decode('heic', small, whole, never)).width, 64);
  });

  it('end a thread that has no work, and one whose caller left', async () => {
    const own = decoders({ idleMs: 20 });
    await own.decode('heic', small, whole, never);
    assert.equal(own.running, 1);
    await until(() => own.running === 0);
    const leaving = new AbortController();
    const decode = own.decode('heic', wide, whole, leaving.signal);
    await until(() => own.running === 1);
    leaving.abort(new Error('gone'));
    await assert.rejects(decode, /gone/);
    await until(() => own.running === 0);
    assert.equal((await own.decode('heic', small, whole, never)).width, 64);
  });
});
