import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import sharp from 'sharp';
import type { Recipe } from '../../../src/render/recipe.ts';
import { planFrame } from '../../../src/render/stages/geometry.ts';
import { cutOf } from '../../../src/render/stages/view/cut.ts';
import { planView, renditionSize, wholeSize } from '../../../src/render/stages/view/plan.ts';
import { anyRecipe, anySide } from '../../helpers/any-recipe.ts';
import { PLAIN, render } from '../../helpers/pictures.ts';

const of = (fields: Partial<Recipe>): Recipe => ({ ...PLAIN, ...fields });

describe('the size of a rendition, by table', () => {
  const crop = { x: 100, y: 0, width: '50%', height: 300 } as const;
  const padded = { unit: 2, frame: { padding: [10, 20, 30, 40] as const } };
  const rows: [original: [number, number], fields: Partial<Recipe>, size: [number, number]][] = [
    [[800, 600], { crop, width: 200, height: 200 }, [200, 150]],
    [[800, 600], { crop, width: 2000, height: 2000 }, [400, 300]],
    [[800, 600], { rotate: 90, width: 200, height: 200 }, [150, 200]],
    [[800, 600], { crop, rotate: 270, fit: 'cover', width: 600, height: 600 }, [300, 300]],
    [[800, 600], { edit: { rotate: 90, crop: { x: 0, y: 0, width: 1, height: 0.5 } }, width: 300 }, [300, 200]],
    [[800, 600], { edit: { rotate: 90 }, rotate: 270, width: 400 }, [400, 300]],
    [[80, 60], { enlarge: true, width: 200, height: 200 }, [200, 150]],
    [[80, 60], { enlarge: true, fit: 'cover', width: 200, height: 200 }, [200, 200]],
    [[80, 60], { enlarge: true, fit: 'outside', width: 200, height: 200 }, [267, 200]],
    [[1, 4000], { enlarge: true, fit: 'cover', width: 500, height: 400 }, [500, 400]],
    [[80, 60], { extend: true, width: 200, height: 200 }, [200, 200]],
    [[80, 600], { extend: true, fit: 'cover', width: 200, height: 100 }, [200, 100]],
    [[80, 60], { fit: 'pad', width: 200, height: 200 }, [80, 80]],
    [[80, 60], { fit: 'pad', extend: true, width: 200, height: 200 }, [200, 200]],
    [[800, 600], { fit: 'pad', width: 200, height: 300 }, [200, 300]],
    [[800, 600], { fit: 'cover', width: 400, height: 300, effects: padded }, [400, 300]],
    [[400, 300], { fit: 'fill', width: 800, height: 600, effects: padded }, [461, 346]],
    [[80, 60], { fit: 'cover', width: 400, height: 300, effects: padded }, [109, 81]],
    [[800, 600], { width: 400, height: 300, effects: padded }, [400, 290]],
    [[9000, 9000], { enlarge: true, fit: 'fill', width: 9000, height: 100 }, [8192, 91]],
  ];
  for (const [[width, height], fields, size] of rows)
    it(`${width}×${height} ${JSON.stringify(fields)}`, () => {
      const made = renditionSize({ width, height }, of(fields));
      assert.deepEqual([made.width, made.height], size);
    });
});

describe('the geometry of any recipe', () => {
  const original = fc.record({ width: anySide(12_000), height: anySide(12_000) });

  it('reads inside the original, cuts inside what was read, and lays that inside its canvas', () => {
    fc.assert(
      fc.property(
        original,
        anyRecipe(8192),
        fc.integer({ min: 1, max: 60 }),
        fc.boolean(),
        (size, recipe, frames, whole) => {
          const view = planView(size, recipe, frames);
          const { plan, region, turn, shown } = view;
          const inside = (
            box: { left: number; top: number; width: number; height: number },
            outer: { width: number; height: number },
          ) =>
            assert.ok(
              [box.left, box.top, box.width, box.height].every(Number.isInteger) &&
                Math.min(box.left, box.top) >= 0 &&
                Math.min(box.width, box.height) >= 1 &&
                box.left + box.width <= outer.width &&
                box.top + box.height <= outer.height,
              JSON.stringify({ box, outer }),
            );
          inside(region, size);
          const needed = wholeSize(view, size);
          const downscaled = whole && needed !== size;
          const cut = cutOf(view, size, downscaled);
          if (cut.from) inside(cut.from, size);
          inside(cut.window, cut.scaled);
          if (downscaled) assert.deepEqual(cut.scaled, needed);
          const { width, height } = plan.window;
          inside({ ...plan.at, width, height }, plan.canvas);
          inside(plan.window, plan.scaled);
          const lies = turn.quarters % 2 === 1;
          assert.deepEqual([cut.window.width, cut.window.height], lies ? [height, width] : [width, height]);
          if (!recipe.enlarge)
            assert.ok(plan.scaled.width <= shown.width && plan.scaled.height <= shown.height, 'enlarged');
          // Never larger than its request by more than the last pixel of a margin.
          if (recipe.fit !== 'outside' && recipe.margin === 0)
            assert.ok(plan.canvas.width <= recipe.width! + 1 && plan.canvas.height <= recipe.height! + 1);
          const fits =
            Math.max(recipe.width!, recipe.height!) <= 8192 && recipe.width! * recipe.height! * frames < 16e6;
          if (fits && recipe.margin === 0 && (recipe.extend || (recipe.enlarge && !/side/.test(recipe.fit))))
            assert.deepEqual(plan.canvas, { width: recipe.width, height: recipe.height });
        },
      ),
      { numRuns: 20_000 },
    );
  });

  it('is as if the original had been cropped and turned before', () => {
    fc.assert(
      fc.property(original, anyRecipe(4000), (size, recipe) => {
        const { shown } = planView(size, recipe, 1);
        const { crop, rotate, flip, edit, ...rest } = recipe;
        const { plan } = planView(shown, rest, 1);
        assert.deepEqual(plan.canvas, renditionSize(size, recipe));
        if (!rest.effects) assert.deepEqual(plan.canvas, planFrame(shown, rest).canvas);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('a rendition of any original by any recipe', () => {
  const files = new Map<string, Promise<Buffer>>();
  /** Blank, because coding takes longer than geometry. */
  const blank = (width: number, height: number, kind: string) => {
    const key = `${width} ${height} ${kind}`;
    const channels = kind === 'alpha' ? 4 : 3;
    const image = () =>
      sharp({ create: { width, height, channels, background: { r: 200, g: 120, b: 60, alpha: 0.5 } } });
    const made = async () => {
      if (kind === 'jpeg') return image().withMetadata({ orientation: 6 }).jpeg().toBuffer();
      if (kind !== 'moving') return image().png({ compressionLevel: 1 }).toBuffer();
      const raw = await sharp({ create: { width, height: height * 2, channels: 3, background: '#804020' } })
        .raw()
        .toBuffer();
      raw.fill(90, raw.length / 2);
      return sharp(raw, { raw: { width, height: height * 2, channels: 3, pageHeight: height } })
        .webp({ effort: 0, delay: [50, 50] })
        .toBuffer();
    };
    const file = files.get(key) ?? made();
    files.set(key, file);
    return file;
  };

  it('has exactly the size that the rule says, and is never an error', async () => {
    const original = fc.record({
      width: anySide(4000),
      height: anySide(4000),
      kind: fc.constantFrom('png', 'alpha', 'jpeg', 'moving'),
    });
    await fc.assert(
      fc.asyncProperty(original, anyRecipe(1000), async ({ kind, ...stored }, recipe) => {
        fc.pre(stored.width * stored.height < 2_000_000);
        const size = kind === 'jpeg' ? { width: stored.height, height: stored.width } : stored;
        const moves = kind === 'moving' && recipe.animated && (recipe.output === 'webp' || recipe.output === 'base');
        const made = await render(await blank(stored.width, stored.height, kind), recipe);
        const asked = renditionSize(size, recipe, moves ? 2 : 1);
        assert.deepEqual({ width: made.width, height: made.height }, asked);
        const { width, pageHeight, height, pages = 1 } = await sharp(made.body, { animated: true }).metadata();
        assert.deepEqual({ width, height: pageHeight ?? height, pages }, { ...asked, pages: moves ? 2 : 1 });
      }),
      { numRuns: 250 },
    );
  });
});
