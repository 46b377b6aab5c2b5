import { refuse } from '../formats/header.ts';
import type { DecodeLimits, PictureSource } from '../picture-source.ts';
import type { Pixels, Size } from '../pixels.ts';
import type { Recipe } from '../recipe.ts';
import type { Engine, EngineJob, EngineResult } from './engine.ts';
import { halvedJob, isEngines, isOrdinary, pixelsJob, renditionJob, type Shown, viewJob, wholeJob } from './job.ts';

/**
 * The one place where it is decided whether the native engine or sharp does the work: each function here is undefined where sharp is to
 * do it, because the engine is not there, does not take such a picture, or found it damaged, of which sharp then judges.
 */
export interface ByEngine {
  /** A finished WebP or JPEG; `keep`: with its pixels. Throws as renders do. */
  rendition(source: PictureSource, view: Shown, recipe: Recipe, keep: boolean): Promise<Finished | undefined>;
  /** The pixels of a rendition, for an encoder to 4:2:0 that takes nothing else. */
  pixels(source: PictureSource, view: Shown, recipe: Recipe): Promise<Pixels | undefined>;
  /** All of a picture at this size. */
  whole(source: PictureSource, size: Size): Promise<Pixels | undefined>;
}

export interface Finished {
  readonly body: Buffer;
  readonly format: 'webp' | 'jpeg';
  readonly contentType: string;
  readonly pixels: Pixels | undefined;
}

/** Of every picture. */
export const BY_SHARP: ByEngine = {
  rendition: async () => undefined,
  pixels: async () => undefined,
  whole: async () => undefined,
};

/** `signal` stops a job between two rows. */
export function byEngine(engine: Engine | undefined, limits: DecodeLimits, signal: AbortSignal): ByEngine {
  if (!engine) return BY_SHARP;

  async function run(source: Buffer, job: EngineJob): Promise<(EngineResult & { readonly body: Buffer }) | undefined> {
    signal.throwIfAborted();
    const stop = new engine!.Stop();
    const end = () => stop.stop();
    signal.addEventListener('abort', end, { once: true });
    try {
      const result = await engine!.render(source, job, stop);
      const { body, declined } = result;
      if (declined === 'stopped') signal.throwIfAborted();
      if (declined === 'timeout') refuse(new Error('timeout'));
      return body && { ...result, body };
    } finally {
      signal.removeEventListener('abort', end);
    }
  }

  const pixelsOf = (data: Buffer, { width, height }: Size): Pixels => ({ data, width, height, channels: 3, frames: 1 });

  return {
    async rendition(source, view, recipe, keep) {
      if (!isEngines(source) || !isOrdinary(source.header, recipe)) return undefined;
      const geometry = viewJob(source.header, view);
      const job = geometry && renditionJob(geometry, recipe, limits, keep);
      const made = job && (await run(source.body, job));
      if (!made || (job.output !== 'webp' && job.output !== 'jpeg')) return undefined;
      const pixels = made.pixels && pixelsOf(made.pixels, job);
      return { body: made.body, format: job.output, contentType: `image/${job.output}`, pixels };
    },
    async pixels(source, view, recipe) {
      if (!isEngines(source) || !isOrdinary(source.header, recipe)) return undefined;
      const geometry = viewJob(source.header, view);
      const made = geometry && (await run(source.body, halvedJob(geometry, recipe, limits)));
      return made && pixelsOf(made.body, geometry);
    },
    async whole(source, size) {
      if (!isEngines(source)) return undefined;
      const geometry = wholeJob(source, size);
      const made = geometry && (await run(source.body, pixelsJob(geometry, limits)));
      return made && pixelsOf(made.body, geometry);
    },
  };
}
