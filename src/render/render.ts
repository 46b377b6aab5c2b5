import type { Decoders } from '../decoders/decoders.ts';
import type { StepTimer } from '../telemetry/step-timer.ts';
import { DESCRIBED_SIDE_PX, describe, type PictureDescription } from './describe.ts';
import { noAssets } from './effects/overlay/fonts.ts';
import { createLayerCache } from './effects/overlay/layers.ts';
import { byEngine } from './engine/by-engine.ts';
import { ENGINE, type Engine } from './engine/engine.ts';
import { fromPlanes } from './engine/from-planes.ts';
import { isEngines, isMadeByEngine } from './engine/job.ts';
import { createAlphaStreams } from './formats/alpha-stream.ts';
import { mended } from './formats/colour/mend.ts';
import type { WriteJxl } from './formats/encoding/jxl.ts';
import { examine } from './formats/examine.ts';
import { refuse } from './formats/header.ts';
import { hasLastRows } from './formats/jpeg/rows.ts';
import { ownFile } from './formats/original/own-file.ts';
import { pageOf } from './pages/page.ts';
import type {
  DecodeLimits,
  DownscaledSource,
  OriginalSource,
  PictureSource,
  PlannedDecode,
  ProxySource,
} from './picture-source.ts';
import type { Edit, Recipe } from './recipe.ts';
import { type Rendered, renderOnce } from './render-once.ts';
import { decoderWarnings, loadSharp, RENDER_VERSION, SHARP_MEDIA_TYPES } from './sharp.ts';
import { DEAR_SIDE_PX, type DearOriginal, encodeDearProxy, openDearProxy } from './stages/dear-proxy.ts';
import { decodeDownscaled, encodeProxy } from './stages/downscaled.ts';
import { createElsewhere, isDecodedElsewhere, watchProbes } from './stages/elsewhere.ts';
import type { FaceLookup } from './stages/face-aware-crop.ts';

export type { Rendered };

export interface Renderer {
  /** Part of every rendition's key: changes whenever the same recipe would give other bytes. */
  readonly version: string;
  /** Of originals that are read. */
  readonly mediaTypes: readonly string[];
  /** Loads the engine ahead of the first render. */
  warm(): Promise<void>;
  /**
   * Reads the header, within a few milliseconds and with hardly any memory, so it needs no slot. Throws
   * `original_unreadable` and `original_too_large`.
   */
  examine(original: Buffer): Promise<OriginalSource>;
  /** Another picture of an examined original, as an original of its own: see pages/page.ts, also for what it throws. */
  pageOf(original: OriginalSource, page: number): Promise<OriginalSource>;
  /**
   * Makes one rendition. Throws `original_unreadable` and `original_too_large`; any other error is a fault of the server.
   * `faces` is called only when the frame depends on them.
   * Cannot be stopped once begun, so callers keep its slot until it has settled; `signal` ends what is decoded outside sharp.
   */
  render(
    source: PictureSource,
    recipe: Recipe,
    timer: StepTimer,
    faces: FaceLookup,
    signal?: AbortSignal,
  ): Promise<Rendered>;
  /** Decodes an original once, to all planned sizes, the smallest first. Throws as `render` does. */
  decodeDownscaled(original: OriginalSource, planned: readonly PlannedDecode[]): Promise<DownscaledSource[]>;
  /** Whether downscaled decodes of an original are kept as planes, unless they look drawn. */
  keepsPlanes(original: OriginalSource): boolean;
  /** Whether the engine makes this rendition of the source for less than it takes to decode all of it to pixels of that size for others. */
  rendersAlone(source: PictureSource, recipe: Recipe): boolean;
  /** The proxy image of an original, a JPEG, from its downscaled decode. */
  encodeProxy(downscaled: DownscaledSource): Promise<Buffer>;
  /** The proxy image of an original that is dear to decode: see stages/dear-proxy.ts. Throws as `render` does. */
  makeProxy(original: OriginalSource, signal: AbortSignal): Promise<ProxySource>;
  /** The same from its stored bytes. Throws `original_unreadable` when they are none. */
  openProxy(body: Buffer, original: DearOriginal): Promise<ProxySource>;
  /** Size, colours, a placeholder and a report, of an original or by its proxy image, as `edit` shows it. `bytes`: of its file. Throws as `render` does. */
  describe(source: Described, bytes: number, signal?: AbortSignal, edit?: Edit): Promise<PictureDescription>;
}

type Described = OriginalSource | ProxySource;

const NEVER = new AbortController().signal;

/** `decoders`: for what sharp does not read; without them it is refused. `assets`: for overlays. Without `engine`, sharp renders all. */
export function createRenderer(
  limits: DecodeLimits,
  decoders?: Decoders,
  assets = noAssets(),
  engine?: Engine,
): Renderer {
  const tools = { assets, layers: createLayerCache() };
  const alphas = createAlphaStreams();
  const decoded = createElsewhere(decoders, limits);
  return {
    version: engine ? `${RENDER_VERSION} engine ${ENGINE}` : RENDER_VERSION,
    async warm() {
      await loadSharp();
    },
    mediaTypes: [...SHARP_MEDIA_TYPES, ...(decoders?.mediaTypes ?? [])],
    examine: async (file) => {
      const source = await examine(await loadSharp(), file, limits, decoders);
      return source.body === file ? source : { ...source, file };
    },
    pageOf: async (original, page) => pageOf(await loadSharp(), original, page, limits, decoders),
    decodeDownscaled: async (original, planned) => {
      const sharp = await loadSharp();
      const source = await mended(sharp, original, limits);
      return wholly(source, decodeDownscaled(sharp, source, planned, limits, byEngine(engine, limits, NEVER)));
    },
    keepsPlanes: (original) => engine !== undefined && isEngines(original),
    rendersAlone: (source, recipe) => engine !== undefined && isMadeByEngine(source, recipe),
    encodeProxy: async (downscaled) => encodeProxy(await loadSharp(), downscaled, byEngine(engine, limits, NEVER)),
    makeProxy: async (original, signal) => {
      const sharp = await loadSharp();
      return decoded(original, DEAR_SIDE_PX, signal, (rows) => encodeDearProxy(sharp, rows, limits));
    },
    openProxy: async (body, original) => openDearProxy(await loadSharp(), body, original, limits),
    describe: async (source, bytes, signal = NEVER, edit = undefined) => {
      const sharp = await loadSharp();
      const by = (read: Described) => describe(sharp, read, limits, bytes, edit);
      if (isDecodedElsewhere(source)) return decoded(source, edit ? DEAR_SIDE_PX : DESCRIBED_SIDE_PX, signal, by);
      const whole = await mended(sharp, source, limits);
      return wholly(whole, by(whole));
    },
    async render(source, recipe, timer, faces, signal = NEVER) {
      if (recipe.output === 'original')
        return { ...ownFile(source, recipe), ...source.header.size, provisional: false, downscaled: undefined };
      const sharp = await loadSharp();
      const common = { limits, timer, tools, alphas, engine: byEngine(engine, limits, signal) };
      const writeJxl: WriteJxl | undefined = decoders && ((pixels, cpuMs) => decoders.encodeJxl(pixels, cpuMs, signal));
      if (source.kind === 'planes') {
        const work = (one: PictureSource) => renderOnce(sharp, one, recipe, { ...common, faces, writeJxl });
        return fromPlanes(source, recipe, common.engine, work);
      }
      if (!isDecodedElsewhere(source)) {
        const mend = source.kind === 'original' && source.header.mend;
        const whole = mend ? await timer.time('decode', mended(sharp, source, limits)) : source;
        return wholly(whole, renderOnce(sharp, whole, recipe, { ...common, faces, writeJxl }));
      }
      const watched = watchProbes(faces);
      const work = async (whole: OriginalSource) => {
        const context = { ...common, faces: watched.faces, writeJxl };
        const rendered = await renderOnce(sharp, whole, recipe, context);
        await watched.settled();
        return rendered;
      };
      return decoded(source, Number.POSITIVE_INFINITY, signal, work, timer);
    },
  };
}

/**
 * What was made of all rows of a JPEG, or `original_unreadable`: libvips warns of missing rows as it warns of trifles, and only
 * to the process, so after any warning the file is read once more.
 */
async function wholly<T>(source: PictureSource, making: Promise<T>): Promise<T> {
  const before = decoderWarnings();
  const made = await making;
  const suspect = source.kind === 'original' && source.header.format === 'jpeg' && decoderWarnings() !== before;
  if (suspect && !(await hasLastRows(source.body))) refuse(new Error('the JPEG ends before its last rows'));
  return made;
}
