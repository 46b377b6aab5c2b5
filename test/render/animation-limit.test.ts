import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { repeatedFrames } from '../helpers/bombs.ts';
import { render } from '../helpers/pictures.ts';

const dot = await sharp({ create: { width: 1, height: 1, channels: 3, background: '#4a7' } })
  .webp({ lossless: true })
  .toBuffer();

describe('the frames of an animation', () => {
  it('are refused together where they are kept, and cost nothing where only the first one is', async () => {
    // 61 megapixels, of 60 that may be decoded at once.
    const animation = repeatedFrames(1000, 1000, 61, dot, 1);
    await assert.rejects(render(animation, { width: 10, output: 'webp', animated: true }), {
      code: 'original_too_large',
    });
    for (const recipe of [{ output: 'webp', animated: false } as const, { output: 'jpeg', animated: true } as const])
      assert.equal((await render(animation, { width: 10, ...recipe })).width, 10);
  });
});
