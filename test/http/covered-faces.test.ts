import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import type { Look } from '../../src/faces/face.ts';
import { face, fixedFinder, heldFinder, saw } from '../helpers/faces.ts';
import { machinesOver } from '../helpers/machines.ts';
import { until } from '../helpers/turns.ts';

/** Renditions that cover faces wait for all of them, and none is sent that might miss one. */

const ID = 'people.png';
const white = await sharp({ create: { width: 400, height: 300, channels: 3, background: '#fff' } })
  .png()
  .toBuffer();
const definitions = {
  hidden: { width: 200, format: 'png', redact: { faces: '#000000' } },
  square: { width: 100, height: 100, fit: 'cover', format: 'png', redact: { faces: '#000000' } },
  open: { width: 200, format: 'png' },
  cropped: { width: 100, height: 100, fit: 'cover', format: 'png' },
};
const FACE = face(0.4, 0.4, 0.2, 0.2);

async function isCovered(answer: Response): Promise<boolean> {
  const { channels } = await sharp(Buffer.from(await answer.arrayBuffer())).stats();
  return channels[0]?.min === 0;
}

describe('covered faces', () => {
  it('are looked for once, for all renditions, and covered in those of recipes that say so', async () => {
    const { start } = machinesOver({ [ID]: white }, { definitions });
    const finder = fixedFinder([FACE]);
    const machine = await start({ finder });
    for (const preset of ['hidden', 'hidden@2x', 'square', 'hidden@3x'])
      assert.ok(await isCovered(await machine.ask(preset, ID)), preset);
    for (const preset of ['open', 'cropped']) assert.equal(await isCovered(await machine.ask(preset, ID)), false);
    assert.equal(finder.looks, 1);
    const answer = await machine.ask('hidden', ID);
    assert.match(answer.headers.get('cache-control') ?? '', /immutable/);
  });

  it('are waited for, however long the look takes, and by the first rendition too', async () => {
    const finder = heldFinder();
    const { start } = machinesOver({ [ID]: white }, { definitions });
    const machine = await start({ finder, faceWaitMs: 0, slots: 3 });
    let answered = false;
    const asked = machine.ask('hidden', ID).finally(() => {
      answered = true;
    });
    await until(() => finder.looks.length === 1);
    // A rendition that only frames by faces goes on without.
    assert.equal((await machine.ask('cropped', ID)).headers.get('cache-control'), 'public, max-age=60');
    assert.equal(answered, false);
    assert.equal(finder.looks[0]?.depth, 'tiles');
    finder.looks[0]?.resolve(saw([FACE]));
    assert.ok(await isCovered(await asked));
  });

  for (const [what, end] of [
    ['ended short', { faces: [FACE], depth: 'tiles', complete: false }],
    ['failed', undefined],
  ] as const satisfies (readonly [string, Look | undefined])[])
    it(`are 503 where the look ${what}, and nothing is kept`, async () => {
      const finder = heldFinder();
      const { start, results } = machinesOver({ [ID]: white }, { definitions });
      const machine = await start({ finder });
      const asked = machine.ask('hidden', ID);
      await until(() => finder.looks.length === 1);
      if (end) finder.looks[0]?.resolve(end);
      else finder.looks[0]?.reject(new Error('the thread crashed'));
      const answer = await asked;
      assert.deepEqual(
        [answer.status, answer.headers.get('x-error'), answer.headers.get('cache-control')],
        [503, 'busy', 'no-store'],
      );
      assert.ok(Number(answer.headers.get('retry-after')) > 0);
      await machine.saved();
      assert.deepEqual([results.made(), machine.cache.entries], [[], 0]);
      // The next look is one that ends.
      const again = machine.ask('hidden', ID);
      await until(() => finder.looks.length === 2);
      finder.looks[1]?.resolve(saw([FACE]));
      assert.ok(await isCovered(await again));
    });

  it('are looked for again where an earlier look went less deep', async () => {
    const finder = heldFinder();
    const { start } = machinesOver({ [ID]: white }, { definitions: { ...definitions, tiny: TINY } });
    const machine = await start({ finder });
    const tiny = machine.ask('tiny', ID);
    await until(() => finder.looks.length === 1);
    finder.looks[0]?.resolve({ faces: [], depth: 'whole', complete: true });
    assert.equal((await tiny).status, 200);
    const asked = machine.ask('hidden', ID);
    await until(() => finder.looks.length === 2);
    finder.looks[1]?.resolve(saw([FACE]));
    assert.ok(await isCovered(await asked));
  });
});

const TINY = { width: 20, height: 20, fit: 'cover', format: 'png' } as const;
