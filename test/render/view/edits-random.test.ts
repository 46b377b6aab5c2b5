import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import type { Edit, Recipe } from '../../../src/render/recipe.ts';
import { renditionSize } from '../../../src/render/stages/view/plan.ts';
import { face } from '../../helpers/faces.ts';
import { PLAIN, render } from '../../helpers/pictures.ts';

/** Numbers by chance, the same ones for each seed (mulberry32). */
function drawing(seed: number) {
  let state = seed;
  const number = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const one = <T>(of: readonly T[]): T => of[Math.floor(number() * of.length)]!;
  const box = () => {
    const [x, y] = [number() * 0.999, number() * 0.999];
    return { x, y, width: 0.001 + number() * (0.999 - x), height: 0.001 + number() * (0.999 - y) };
  };
  return { number, one, box };
}

describe('any edit with any recipe', () => {
  it('makes a rendition of the size that the rule says, of originals of one pixel and of a thousand', async () => {
    const originals = await Promise.all(
      (
        [
          [1, 1],
          [1, 300],
          [257, 3],
          [120, 90],
          [640, 480],
        ] as const
      ).flatMap(([width, height]) =>
        ([3, 4] as const).map(async (channels) => {
          const picture = sharp({ create: { width, height, channels, background: '#40a060' } });
          return { size: { width, height }, body: await picture.png().toBuffer() };
        }),
      ),
    );
    for (let seed = 1; seed <= 150; seed += 1) {
      const { number, one, box } = drawing(seed);
      const maybe = <T extends object>(fields: () => T): Partial<T> => (number() < 0.5 ? fields() : {});
      const edit: Edit = {
        ...maybe(() => ({ rotate: one([90, 180, 270] as const) })),
        ...maybe(() => ({ flip: one(['horizontal', 'vertical', 'both'] as const) })),
        ...maybe(() => ({ crop: box() })),
        ...maybe(() => ({ focus: { x: number(), y: number() } })),
        ...maybe(() => ({ redact: [box(), box()] })),
      };
      const { size, body } = one(originals);
      const recipe: Recipe = {
        ...{ ...PLAIN, edit, width: 1 + Math.floor(number() * 200), height: 1 + Math.floor(number() * 200) },
        ...{
          fit: one(['inside', 'cover', 'contain', 'fill', 'outside'] as const),
          output: one(['png', 'jpeg', 'webp'] as const),
        },
        gravity: one(['auto', 'attention', 'center'] as const),
        ...maybe(() => ({
          effects: {
            unit: 1,
            ...maybe(() => ({ detail: { blur: 2 } })),
            ...maybe(() => ({ redact: { faces: one(['blur', 'pixelate', '#000000'] as const) } })),
          },
        })),
      };
      const look = async () => [face(0.3, 0.3, 0.2), face(0, 0.9, 0.05)];
      const { width, height } = await render(body, recipe, look);
      assert.deepEqual(
        { width, height },
        renditionSize(size, recipe),
        `seed ${seed} ${JSON.stringify({ size, recipe })}`,
      );
    }
  });
});
