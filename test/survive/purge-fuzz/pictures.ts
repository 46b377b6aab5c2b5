import { setTimeout as delay } from 'node:timers/promises';
import type { Probe } from '../../../src/faces/face.ts';
import { type FaceFinder, FaceFinderError } from '../../../src/faces/finder.ts';
import type { OriginalHeader, PictureSource, PixelSource } from '../../../src/render/picture-source.ts';
import { type Recipe, seeksFaces } from '../../../src/render/recipe.ts';
import type { Renderer } from '../../../src/render/render.ts';
import { describeDownscaled, fitsDownscaled, pixelSource } from '../../../src/render/stages/downscaled.ts';
import type { Draws } from '../../helpers/draws.ts';

/** The content of an original: which picture it is. */
export interface Picture {
  readonly id: string;
  /** Differs for each picture that ever stood under any id. */
  readonly version: number;
  readonly format: 'jpeg' | 'avif' | 'heic';
}

/** Where pixels come from: which picture, and which read of it. It stands in every byte that is made of them. */
export interface Provenance extends Picture {
  /** Number of the read of the original that the pixels come from. */
  readonly read: number;
}

/** The content of a rendition. */
export interface Shown extends Provenance {
  readonly width: number | undefined;
  readonly output: string;
  readonly source: PictureSource['kind'];
  /** The picture whose faces framed it; 0 where none did. */
  readonly framedBy: number;
}

const SIZE = { width: 3000, height: 2000 };

export function toOriginal(picture: Picture): Buffer {
  return Buffer.from(JSON.stringify(picture));
}

/** Undefined for bytes that were made by nothing here. */
export function shownBy(body: Buffer): Shown | undefined {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}

export const colourOf = (version: number) => `#${version.toString(16).padStart(6, '0')}`;
export const versionOf = (colour: string) => Number.parseInt(colour.slice(1), 16);

/** Memory of its own, as that of real pixels, which is freed when its last holder is done. */
function toPixels(provenance: Provenance): Buffer {
  const text = JSON.stringify(provenance);
  const data = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  data.write(text);
  return data;
}

const STILL = { size: SIZE, frames: 1, delays: undefined, loop: undefined, hasAlpha: false };

/** In place of the real renderer, whose work is not what is tested: bytes that say from what they were made. */
export function createFakeRenderer(draws: Draws, readOf: (body: Buffer) => number): Renderer {
  const work = (atMostMs: number) => delay(draws.happens(0.05) ? draws.below(20 * atMostMs) : draws.below(atMostMs));

  function provenanceOf(source: PictureSource): Provenance {
    if (source.kind === 'planes') throw new Error('only the engine makes planes');
    const { id, version, format, read } = JSON.parse(
      (source.kind === 'pixels' ? source.pixels.data : source.body).toString(),
    );
    return { id, version, format, read: read ?? (source.kind === 'original' ? readOf(source.body) : 0) };
  }

  function pixelsOf(source: PictureSource, size: { width: number; height: number }): PixelSource {
    return pixelSource(source, { data: toPixels(provenanceOf(source)), channels: 3, frames: 1, ...size });
  }

  return {
    version: 'fuzz-1',
    mediaTypes: [],
    warm: async () => {},
    async examine(body) {
      const { format } = JSON.parse(body.toString()) as Picture;
      const decoder = format === 'heic' ? format : undefined;
      const own = describeDownscaled({ ...STILL, format }, SIZE, 'jpeg');
      const header: OriginalHeader = { ...own, coding: format, decoder, plain: true };
      await work(3);
      return { kind: 'original', body, header };
    },
    pageOf: async (original) => original,
    keepsPlanes: () => false,
    rendersAlone: () => false,
    async render(source, recipe, _timer, faces) {
      await work(100);
      const provenance = provenanceOf(source);
      const probe = async (): Promise<Probe> => {
        await work(20);
        return { data: toPixels(provenance), width: 1, height: 1 };
      };
      const found = seeksFaces(recipe) ? await faces(probe, depthOf(recipe)) : [];
      await work(50);
      const framedBy = found?.[0] ? Math.round(found[0].eyesY * 1e6) : 0;
      const { width, height, output } = recipe;
      const body = Buffer.from(
        JSON.stringify({ ...provenance, width, output, source: source.kind, framedBy } satisfies Shown),
      );
      const size = sizeOf(recipe);
      const entire = recipe.fit === 'inside' && fitsDownscaled(source.header, size);
      return {
        ...{ body, contentType: `image/${output}`, width: width ?? 1, height: height ?? 1 },
        provisional: found === undefined,
        downscaled: entire ? pixelsOf(source, size) : undefined,
      };
    },
    async decodeDownscaled(original, planned) {
      await work(200);
      return planned.map(({ header }) => pixelsOf(original, header.stored));
    },
    async encodeProxy(downscaled) {
      if (downscaled.kind === 'planes') throw new Error('only the engine makes planes');
      const { data } = downscaled.pixels;
      const body = Buffer.from(data);
      await work(10);
      return body;
    },
    async makeProxy(original) {
      await work(200);
      return { kind: 'proxy', body: toPixels(provenanceOf(original)), header: { ...original.header, coding: 'jpeg' } };
    },
    async openProxy(body, original) {
      await work(3);
      const header = { ...describeDownscaled({ ...STILL, ...original }, SIZE, 'jpeg'), decoder: original.decoder };
      return { kind: 'proxy', body, header };
    },
    async describe(original) {
      await work(50);
      const { version, format } = provenanceOf(original);
      return { ...SIZE, format, frames: 1, dominantColor: colourOf(version), thumbhash: 'AAAA' };
    },
  };
}

function sizeOf({ width = SIZE.width }: Recipe) {
  return { width, height: Math.round((width * SIZE.height) / SIZE.width) };
}

/** As large renditions need the tiles. */
const depthOf = ({ width = SIZE.width }: Recipe) => (width < 200 ? 'whole' : 'tiles');

/** Finds one face, which says whose it is. */
export function createFakeFinder(draws: Draws): FaceFinder {
  return {
    async find({ data }, depth) {
      await delay(draws.happens(0.05) ? draws.below(6000) : draws.below(30));
      if (draws.happens(0.05)) throw new FaceFinderError('planted');
      const { version } = JSON.parse(Buffer.from(data).toString()) as Provenance;
      const faces = [{ left: 0, top: 0, width: 0.1, height: 0.1, score: 1, eyesY: version / 1e6 }];
      return { faces, depth, complete: !draws.happens(0.03) };
    },
    prepare: () => {},
    running: true,
    close: async () => {},
  };
}
