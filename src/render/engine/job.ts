import { extentOf, type Format, jpegSettings, webpSettings } from '../formats/encoding/encoders.ts';
import { goesToSvtAv1, takesPlanes } from '../formats/svt-av1.ts';
import type { DecodeLimits, OriginalSource, PictureSource, PlaneSource, ProxySource } from '../picture-source.ts';
import type { Box, Pixels, Size } from '../pixels.ts';
import type { Recipe } from '../recipe.ts';
import { cutsAway, type FramePlan, isCentred } from '../stages/geometry.ts';
import { planView, type ViewPlan, wholePlan } from '../stages/view/plan.ts';
import { andThen, inverse, type Turn, turnedBox, turnedSize, UPRIGHT } from '../stages/view/view.ts';
import { drawnBy, isOrdinary } from './drawn.ts';
import type { EncodeJob, EngineJob, HoldJob } from './engine.ts';

/** EXIF's ways to store a picture, from 1 on, as the turn that makes it upright. */
const UPRIGHT_BY: readonly Turn[] = [
  { mirrored: false, quarters: 0 },
  { mirrored: true, quarters: 0 },
  { mirrored: false, quarters: 2 },
  { mirrored: true, quarters: 2 },
  { mirrored: true, quarters: 3 },
  { mirrored: false, quarters: 1 },
  { mirrored: true, quarters: 1 },
  { mirrored: false, quarters: 3 },
];

/** Which pixels a job shows, and how their colours are to be read. */
export type Geometry = Pick<EngineJob, 'storedWidth' | 'storedHeight' | 'left' | 'top' | 'across' | 'down'> &
  Pick<EngineJob, 'width' | 'height' | 'orientation' | 'colours'>;

/** From what the engine makes something: its own planes, an original, or its proxy image. */
export type EngineSource = OriginalSource | PlaneSource | ProxySource;

/** The files that the engine reads: JPEGs whose colours are those of sRGB, or become so by curves and a matrix. Their coding it looks at itself. */
export function isEngines(source: PictureSource): source is EngineSource {
  if (source.kind === 'planes') return true;
  if (source.kind === 'pixels' || (source.kind === 'original' && !isOwnJpeg(source))) return false;
  const { coding, frames, hasAlpha, hasProfile, colours, deep, bareInks } = source.header;
  if (!coding.startsWith('jpeg') || frames !== 1 || hasAlpha) return false;
  return (!hasProfile || colours !== undefined) && !deep && !bareInks;
}

function isOwnJpeg({ page, header: { format, decoder, mend } }: OriginalSource): boolean {
  return format === 'jpeg' && !page && !decoder && !mend;
}

/** Upright pixels of the file of which a job names a part; of planes, of the file that they were decoded from. */
export function fileSize({ kind, header }: Pick<EngineSource, 'kind' | 'header'>): Size {
  return kind === 'proxy' ? header.stored : header.size;
}

/** All of an original at another size. */
export function wholeJob(source: Pick<EngineSource, 'kind' | 'header'>, size: Size): Geometry | undefined {
  const { header } = source;
  const region = { left: 0, top: 0, ...header.size };
  return geometryOf(source, { plan: wholePlan(size), region, turn: UPRIGHT, shown: header.size, plain: true });
}

/** What a recipe shows of an original. */
export interface Shown extends ViewPlan {
  /** Where libvips looks for attention, the window is not known before. */
  readonly position: 'window' | 'attention';
  readonly trimmed: boolean;
  readonly moves: boolean;
}

/** It, where the engine can: smaller than it is stored, without anything around it, and in a window that is known. */
export function viewJob(source: EngineSource, view: Shown): Geometry | undefined {
  const { plan, position, trimmed, moves } = view;
  if (trimmed || moves || (position === 'attention' && cutsAway(plan))) return undefined;
  return geometryOf(source, view);
}

/** A smaller one would be mostly one edge, whose pixels decoders take differently. */
const MIN_SIDE_PX = 8;

/** What a view shows. Undefined where that is not smaller than it is stored, or something is around it. */
export function geometryOf(
  source: Pick<EngineSource, 'kind' | 'header'>,
  { plan, region, turn, shown, plain }: ViewPlan,
): Geometry | undefined {
  const { size, orientation = 1, colours } = source.header;
  const read = fileSize(source);
  const { scaled, window, canvas } = plan;
  const stored = UPRIGHT_BY[orientation - 1];
  if (!stored || canvas.width !== window.width || canvas.height !== window.height) return undefined;
  const [byX, byY] = [read.width / size.width, read.height / size.height];
  const [perX, perY] = turn.quarters % 2 === 0 ? [byX, byY] : [byY, byX];
  if (scaled.width >= shown.width * perX || scaled.height >= shown.height * perY) return undefined;
  if (Math.min(read.width, read.height) < MIN_SIDE_PX) return undefined;
  const [x, y] = [shown.width / scaled.width, shown.height / scaled.height];
  const [left, top] = plain && isCentred(plan) ? centredBySharp(plan) : [window.left, window.top];
  const inView = { left: left * x, top: top * y, width: window.width * x, height: window.height * y };
  const inRegion = turnedBox(inView, shown, inverse(turn));
  const upright: Box = {
    ...{ left: byX * (inRegion.left + region.left), top: byY * (inRegion.top + region.top) },
    ...{ width: byX * inRegion.width, height: byY * inRegion.height },
  };
  const part = turnedBox(upright, read, inverse(stored));
  const file = turnedSize(read, inverse(stored));
  const all = andThen(stored, turn);
  return {
    ...{ storedWidth: file.width, storedHeight: file.height },
    ...{ left: Math.max(0, part.left), top: Math.max(0, part.top), across: part.width, down: part.height },
    ...{ width: window.width, height: window.height },
    orientation:
      1 + UPRIGHT_BY.findIndex(({ mirrored, quarters }) => mirrored === all.mirrored && quarters === all.quarters),
    ...(colours && colours !== 'srgb' ? { colours } : {}),
  };
}

/** Its middle of an odd number of pixels is half a pixel to the right and below that of the plan, which sharp leaves to itself (`framed`). */
function centredBySharp({ scaled, window }: FramePlan): [left: number, top: number] {
  return [Math.ceil((scaled.width - window.width) / 2), Math.ceil((scaled.height - window.height) / 2)];
}

type Coding = Omit<EngineJob, keyof Geometry | 'byLook' | 'milliseconds'>;

const PIXELS: Coding = { output: 'pixels', quality: 100, effort: 0, progressive: false, table: 0 };

/** How a rendition is written, where the engine writes it as sharp would, or its planes for SVT-AV1: undefined else. Of an original without transparent parts. */
function codingOf({ width, height }: Size, recipe: Recipe): Coding | undefined {
  const { output, quality, effort, lossless, copyright, encoding = {} } = recipe;
  if (lossless || copyright || Object.values(encoding).some((each) => each !== undefined)) return undefined;
  const extent = extentOf(width * height);
  if (output === 'webp') return { ...PIXELS, output, ...webpSettings(quality, extent, effort) };
  if (output === 'avif')
    return goesToSvtAv1({ width, height }, recipe) && takesPlanes() ? { ...PIXELS, output: 'planes' } : undefined;
  if (output !== 'jpeg' && output !== 'base') return undefined;
  const { progressive, quantisationTable } = jpegSettings(extent, {});
  return { ...PIXELS, output: 'jpeg', quality, progressive, table: quantisationTable ?? 0 };
}

const always = ({ timeoutSeconds }: DecodeLimits) => ({
  byLook: false,
  milliseconds: 1000 * timeoutSeconds,
});

/** The pixels of a picture. */
export const pixelsJob = (geometry: Geometry, limits: DecodeLimits): EngineJob => ({
  ...geometry,
  ...PIXELS,
  ...always(limits),
});

/** A baseline JPEG by the tables of the standard. */
export const quickJpegJob = (geometry: Geometry, quality: number, limits: DecodeLimits): EngineJob => ({
  ...pixelsJob(geometry, limits),
  output: 'jpeg',
  quality,
});

/** Nothing, but that what was scaled is kept: as it lies in the file, where chroma lies evenly on odd sides too. */
export const keptJob = (geometry: Geometry, byLook: boolean, limits: DecodeLimits): EngineJob => {
  const { width, height } = turnedSize(geometry, inverse(UPRIGHT_BY[geometry.orientation - 1] ?? UPRIGHT));
  return { ...pixelsJob({ ...geometry, width, height, orientation: 1 }, limits), output: 'nothing', byLook };
};

/** Pixels for a look, of what is held. */
export const glanceJob = (geometry: Geometry, limits: DecodeLimits, alpha: boolean): EngineJob => ({
  ...pixelsJob(geometry, limits),
  output: alpha ? 'glance with alpha' : 'glance',
});

/** A file to be decoded for several jobs. */
export const holdJob = (
  { storedWidth, storedHeight }: Geometry,
  scales: Pick<HoldJob, 'eighths' | 'glance'>,
  mostBytes: number,
  limits: DecodeLimits,
  look: EngineJob | undefined,
): HoldJob => ({
  ...{ storedWidth, storedHeight, ...scales, mostBytes },
  milliseconds: always(limits).milliseconds,
  ...(look ? { look } : {}),
});

/** The pixels of a rendition for an encoder to 4:2:0. */
export const halvedJob = (geometry: Geometry, { lossless }: Recipe, limits: DecodeLimits): EngineJob => ({
  ...pixelsJob(geometry, limits),
  output: 'halved pixels',
  byLook: lossless === undefined,
});

/** Pixels that were drawn on, as a file: undefined where sharp writes it. */
export function encodeJob(pixels: Pixels, format: Format, recipe: Recipe, limits: DecodeLimits): EncodeJob | undefined {
  const { width, height, channels, frames, wide } = pixels;
  if (frames > 1 || wide || (format !== 'webp' && (format !== 'jpeg' || channels !== 3))) return undefined;
  // Tries of a search have each their quality; the resolution of print is written afterwards.
  const { ssim, maxBytes, dpi, ...encoding } = recipe.encoding ?? {};
  const coding = codingOf({ width, height }, { ...recipe, output: format, encoding });
  if (!coding) return undefined;
  const { quality, effort, progressive, table } = coding;
  const { milliseconds } = always(limits);
  return { width, height, channels, output: format, quality, effort, progressive, table, milliseconds };
}

/** Whether a rendition is of a format that the engine writes, or AVIF of which it makes the planes or pixels. */
export function isWritten(size: Size, recipe: Recipe): boolean {
  return goesToSvtAv1(size, recipe) || codingOf(size, recipe) !== undefined;
}

/** Whether the engine makes a rendition, as far as the header and the recipe say. */
export function isMadeByEngine(source: PictureSource, recipe: Recipe): boolean {
  if (!isEngines(source) || !isOrdinary(source.header, recipe)) return false;
  const geometry = geometryOf(source, planView(source.header.size, recipe, 1));
  return geometry !== undefined && isWritten(geometry, recipe);
}

/** A finished rendition. */
export function renditionJob(
  source: EngineSource,
  view: Shown,
  recipe: Recipe,
  limits: DecodeLimits,
): EngineJob | undefined {
  const { header } = source;
  const geometry = isOrdinary(header, recipe) ? viewJob(source, view) : undefined;
  const coding = geometry && codingOf(geometry, recipe);
  if (!coding) return undefined;
  const drawn = drawnBy(header, view, recipe);
  return { ...geometry, ...coding, ...drawn, ...always(limits), byLook: recipe.lossless === undefined };
}
