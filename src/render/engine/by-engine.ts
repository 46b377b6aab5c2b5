import type { Coder } from '../formats/encoding/coder.ts';
import { refuse } from '../formats/header.ts';
import type { Planes } from '../formats/svt-av1.ts';
import type { DecodeLimits, PictureHeader, PictureSource, PlaneSource, ProxySource } from '../picture-source.ts';
import type { Alpha, Pixels, Size } from '../pixels.ts';
import type { Recipe } from '../recipe.ts';
import { isOrdinary, takesHalved } from './drawn.ts';
import type { Engine, EngineJob, EngineResult, HeldPlanes } from './engine.ts';
import { type HeldFor, type HeldPicture, lookedSize, scalesFor } from './held.ts';
import {
  type EngineSource,
  encodeJob,
  fileSize,
  type Geometry,
  geometryOf,
  glanceJob,
  halvedJob,
  holdJob,
  isEngines,
  isWritten,
  keptJob,
  pixelsJob,
  quickJpegJob,
  renditionJob,
  type Shown,
  viewJob,
  wholeJob,
} from './job.ts';

/**
 * The one place where it is decided whether the native engine or sharp does the work: each function here is undefined where sharp is to
 * do it, because the engine is not there, does not take such a picture, or found it damaged, of which sharp then judges.
 */
export interface ByEngine {
  /** A finished WebP or JPEG, or the planes of an AVIF; `keep`: they are kept for others. Of what is held of the source, where it is. Throws as renders do. */
  rendition(
    source: PictureSource,
    view: Shown,
    recipe: Recipe,
    keep: boolean,
    held?: HeldPicture,
  ): Promise<Finished | undefined>;
  /** The pixels of a rendition for an encoder to 4:2:0, of several qualities or behind effects. */
  pixels(source: PictureSource, view: Shown, recipe: Recipe, held?: HeldPicture): Promise<Pixels | undefined>;
  /** What it does for sharp's encoders; `own`: of pixels of its own, whose colours are halved already, it writes the file too. */
  coder(own: boolean): Coder | undefined;
  /** All of a picture at this size. */
  whole(source: PictureSource, size: Size): Promise<Pixels | undefined>;
  /** The same as planes, to be freed. `byLook`: undefined too where it may be drawn. */
  keep(source: PictureSource, size: Size, byLook: boolean): Promise<PlaneSource | undefined>;
  /** All of what is kept, as a JPEG that is written quickly. */
  jpeg(source: PlaneSource, quality: number): Promise<Buffer | undefined>;
  /** Decodes all of a picture whose window is found in its pixels: these, and then the rendition, are made of what is held. */
  hold(source: PictureSource, view: Shown, recipe: Recipe, wanted: HeldFor): Promise<HeldPicture | undefined>;
}

export interface Finished {
  /** `planes`: not encoded yet. */
  readonly made: { readonly body: Buffer; readonly contentType: string } | Planes;
  /** Of planes or an opaque WebP of which something was cut out. */
  readonly alpha?: Alpha | undefined;
  /** All of the picture at the size of the rendition, to be freed, where it was to be kept. */
  readonly kept: PlaneSource | undefined;
}

/** Of every picture. */
export const BY_SHARP: ByEngine = {
  rendition: async () => undefined,
  pixels: async () => undefined,
  coder: () => undefined,
  whole: async () => undefined,
  keep: async () => undefined,
  jpeg: async () => undefined,
  hold: async () => undefined,
};

/** `signal` stops a job between two rows. */
export function byEngine(engine: Engine | undefined, limits: DecodeLimits, signal: AbortSignal): ByEngine {
  if (!engine) return BY_SHARP;

  /** What the signal stops, and throws then; `undefined` is what the engine declined. */
  async function stoppable<T extends { readonly declined?: string | null }>(
    work: (engine: Engine, stop: { stop(): void }) => Promise<T>,
  ): Promise<T | undefined> {
    signal.throwIfAborted();
    const stop = new engine!.Stop();
    const end = () => stop.stop();
    signal.addEventListener('abort', end, { once: true });
    try {
      const result = await work(engine!, stop);
      if (result.declined === 'stopped') signal.throwIfAborted();
      if (result.declined === 'timeout') refuse(new Error('timeout'));
      return result.declined ? undefined : result;
    } finally {
      signal.removeEventListener('abort', end);
    }
  }

  const given = (source: EngineSource) => (source.kind === 'planes' ? source.planes : source.body);

  async function run(
    source: Buffer | HeldPlanes,
    job: EngineJob,
  ): Promise<(EngineResult & { readonly body: Buffer }) | undefined> {
    const made = await stoppable((own, stop) =>
      Buffer.isBuffer(source) ? own.render(source, job, stop) : own.renderHeld(source, job, stop),
    );
    return made?.body && { ...made, body: made.body };
  }

  /** What a job made, and what it kept of that: none where it cannot be. */
  async function running(source: Exclude<EngineSource, ProxySource>, job: EngineJob, size: Size = job) {
    const planes = await stoppable((own, stop) =>
      source.kind === 'planes' ? own.keepHeld(source.planes, job, stop) : own.keep(source.body, job, stop),
    );
    const body = planes?.takeMade();
    if (!planes || !body) return undefined;
    const kept = planes.bytes > 0 ? planeSource(source, planes, size) : undefined;
    return { body, kept };
  }

  const write: Coder['write'] = async (pixels, format, recipe) => {
    const job = encodeJob(pixels, format, recipe, limits);
    return job && (await stoppable((own, stop) => own.encode(pixels.data, job, stop)))?.body;
  };

  const pixelsOf = (data: Buffer, { width, height }: Size, channels: 3 | 4 = 3): Pixels => ({
    ...{ data, width, height, channels },
    frames: 1,
  });

  /** Whether it makes the file or the pixels of a rendition. */
  const isEnginesTo = (size: Size, header: PictureHeader, recipe: Recipe) =>
    takesHalved(header, recipe) || (isOrdinary(header, recipe) && isWritten(size, recipe));

  return {
    async rendition(source, view, recipe, keep, held) {
      if (!isEngines(source)) return undefined;
      const job = renditionJob(source, view, recipe, limits);
      if (!job) return undefined;
      // What is kept has no corners cut off, and comes without the alpha of what has.
      const made =
        keep && source.kind !== 'proxy' && !held && !job.outline
          ? await running(source, job)
          : await run(held?.planes ?? given(source), job);
      if (!made?.body) return undefined;
      const kept = 'kept' in made ? made.kept : undefined;
      const { width, height, output } = job;
      const levels = 'alpha' in made ? made.alpha : undefined;
      const key = JSON.stringify([width, height, job.outline]);
      const alpha = levels && { levels: () => levels, key };
      if (output === 'planes') return { made: { planes: made.body, width, height }, alpha, kept };
      return { made: { body: made.body, contentType: `image/${output}` }, alpha, kept };
    },
    async pixels(source, view, recipe, held) {
      if (!isEngines(source) || !takesHalved(source.header, recipe)) return undefined;
      const geometry = viewJob(source, view);
      // Its planes were declined.
      if (!geometry || renditionJob(source, view, recipe, limits)) return undefined;
      const made = await run(held?.planes ?? given(source), halvedJob(geometry, recipe, limits));
      return made?.body && pixelsOf(made.body, geometry);
    },
    coder: (own) => ({
      ...(own ? { write } : {}),
      async luma(file, { width, height }) {
        return (await engine.webpLuma(file, width, height)).body;
      },
      jpegSsim:
        ({ data, width, stripe }) =>
        (quantisers) =>
          engine.jpegSsim(data, width, stripe, quantisers),
    }),
    async whole(source, size) {
      if (!isEngines(source)) return undefined;
      const geometry = wholeJob(source, size);
      const made = geometry && (await run(given(source), pixelsJob(geometry, limits)));
      return made && pixelsOf(made.body, geometry);
    },
    async keep(source, size, byLook) {
      if (!isEngines(source) || source.kind === 'proxy') return undefined;
      const geometry = wholeJob(source, size);
      return geometry && (await running(source, keptJob(geometry, byLook, limits), size))?.kept;
    },
    async jpeg(source, quality) {
      const geometry = wholeJob(source, source.header.stored);
      return geometry && (await run(source.planes, quickJpegJob(geometry, quality, limits)))?.body;
    },
    async hold(source, view, recipe, wanted) {
      if (!isEngines(source)) return undefined;
      const geometry = viewJob(source, { ...view, position: 'window' });
      if (!geometry || !isEnginesTo(geometry, source.header, recipe)) return undefined;
      const { size, stored } = source.header;
      const longer = Math.max(stored.width, stored.height);
      const read = fileSize(source);
      const [across, down] = [read.width / size.width, read.height / size.height];
      const shown = { width: across * view.shown.width, height: down * view.shown.height };
      const scales = scalesFor(read, shown, wanted);
      const most = source.kind === 'planes' ? longer : (longer * scales.eighths) / 8;
      const smaller = Math.min(most, Math.max(read.width, read.height) - 1);
      const all = wholeJob(source, lookedSize(size, smaller, wanted.lookSide));
      const glance = all && glanceJob(all, limits, true);
      const job = holdJob(geometry, scales, wanted.mostBytes, limits, wanted.looksNow ? glance : undefined);
      const planes =
        source.kind === 'planes'
          ? source.planes.share()
          : await stoppable((own, stop) => own.hold(source.body, job, stop));
      if (!planes) return undefined;
      const looked = async (shape: Geometry, one: EngineJob, channels: 3 | 4, ready?: Buffer | null) => {
        const data = ready ?? (await run(planes, one))?.body;
        return data && pixelsOf(data, shape, channels);
      };
      return {
        planes,
        async whole() {
          const pixels = all && glance && (await looked(all, glance, 4, planes.takeMade()));
          return pixels && { ...pixels, opaque: true };
        },
        async look(shown) {
          const shape = geometryOf(source, shown);
          return shape && looked(shape, glanceJob(shape, limits, false), 3);
        },
        [Symbol.dispose]: () => planes.free(),
      };
    },
  };
}

/** `size`: upright. What it still says of its file is how that is turned, and its colours. */
function planeSource(
  { header }: Exclude<EngineSource, ProxySource>,
  planes: HeldPlanes,
  { width, height }: Size,
): PlaneSource {
  const stored = { width, height };
  const read = { coding: 'pixels', turned: false, hasProfile: false, exif: undefined };
  return { kind: 'planes', planes, decodedFrom: 'original', header: { ...header, ...read, stored } };
}
