import type { PictureSource, PixelSource, PlaneSource } from '../picture-source.ts';
import { freeNow } from '../pixels.ts';
import type { Recipe } from '../recipe.ts';
import type { Rendered } from '../render-once.ts';
import { PixelsNeeded } from '../stages/decode.ts';
import { pixelSource } from '../stages/downscaled.ts';
import type { ByEngine } from './by-engine.ts';
import { isMadeByEngine } from './job.ts';

/** `render` of planes where the engine makes the rendition; of their pixels where it declines, and in what only sharp does. */
export async function fromPlanes(
  source: PlaneSource,
  recipe: Recipe,
  engine: ByEngine,
  render: (source: PictureSource) => Promise<Rendered>,
): Promise<Rendered> {
  if (isMadeByEngine(source, recipe))
    try {
      return await render(source);
    } catch (reason) {
      if (!(reason instanceof PixelsNeeded)) throw reason;
    }
  const pixels = await pixelsOf(source, engine);
  // The planes are what others can use.
  const { downscaled: _, ...rendered } = await render(pixels);
  freeNow(pixels.pixels.data);
  return { ...rendered, downscaled: undefined };
}

async function pixelsOf(source: PlaneSource, engine: ByEngine): Promise<PixelSource> {
  const pixels = await engine.whole(source, source.header.stored);
  if (!pixels) throw new Error('the engine makes no pixels of its planes');
  return pixelSource(source, pixels);
}
