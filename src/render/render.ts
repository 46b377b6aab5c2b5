import type { StepTimer } from '../step-timer.ts';
import { type DecodeLimits, decode, readHeader } from './decode.ts';
import { encode } from './encode.ts';
import { loadSharp, RENDER_VERSION } from './engine.ts';
import type { Recipe } from './recipe.ts';

/** A finished picture. Width and height in pixels. */
export interface Rendered {
  readonly body: Buffer;
  readonly contentType: string;
  readonly width: number;
  readonly height: number;
}

export interface Renderer {
  /** Part of every rendition's key: changes whenever the same recipe would give other bytes. */
  readonly version: string;
  /** Loads the engine ahead of the first render. */
  warm(): Promise<void>;
  /**
   * Makes one rendition. Throws `original_unreadable` and `original_too_large`; anything else is our own fault.
   * Cannot be stopped once begun, so callers keep its slot until it has settled.
   */
  render(original: Buffer, recipe: Recipe, timer: StepTimer): Promise<Rendered>;
}

export function createRenderer(limits: DecodeLimits): Renderer {
  return {
    version: RENDER_VERSION,
    async warm() {
      await loadSharp();
    },
    async render(original, recipe, timer) {
      const sharp = await loadSharp();
      const header = await timer.time('decode', readHeader(sharp, original, limits));
      const pixels = await timer.time('decode', decode(sharp, original, header, recipe, limits));
      const encoded = await timer.time('encode', encode(sharp, pixels, recipe));
      return { ...encoded, width: pixels.width, height: pixels.height };
    },
  };
}
