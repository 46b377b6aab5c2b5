/**
 * Photos with known faces: a folder with `annotations.json`, `[{ file, kind, width, height, faces: [{ x, y, w, h }], ignore: [...] }]`
 * in pixels of the upright photo. A face's box runs from the forehead to the chin. What `ignore` marks, such as a face in a
 * painting, is neither required nor false.
 */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import type { Face, Probe } from '../src/faces/face.ts';
import { createPresets } from '../src/presets/presets.ts';
import { byEngine } from '../src/render/engine/by-engine.ts';
import { loadEngine } from '../src/render/engine/engine.ts';
import type { Box, Size } from '../src/render/pixels.ts';
import { createRenderer } from '../src/render/render.ts';
import { planFrame } from '../src/render/stages/geometry.ts';
import { UPRIGHT } from '../src/render/stages/view/view.ts';
import { BUILT_IN_PRESETS } from '../src/url/built-in-presets.ts';

const THUMB = createPresets({ definitions: BUILT_IN_PRESETS, inline: false, faces: true }).resolve(
  'thumb',
  '',
  undefined,
).recipe;

export interface Annotated extends Size {
  readonly file: string;
  /** Such as `people`, `crowd`, `animal`. */
  readonly kind: string;
  /** In pixels of the photo and within it: a face that the photo's edge cuts ends there. */
  readonly faces: readonly Box[];
  readonly ignore: readonly Box[];
}

interface Annotation {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

export function readSet(folder: string): Annotated[] {
  const file = join(folder, 'annotations.json');
  if (!existsSync(file))
    throw new Error(`there is no annotations.json in ${folder}; --set names a folder with photos and one`);
  const photos: (Size & { file: string; kind?: string; faces: Annotation[]; ignore?: Annotation[] })[] = JSON.parse(
    readFileSync(file, 'utf8'),
  );
  return photos.map(({ file, kind = '', width, height, faces, ignore = [] }) => {
    const within = (boxes: readonly Annotation[]) =>
      boxes
        .map(({ x, y, w, h }) => clipped({ left: x, top: y, width: w, height: h }, { width, height }))
        .filter((box) => box.width > 0 && box.height > 0);
    return { file, kind, width, height, faces: within(faces), ignore: within(ignore) };
  });
}

/** Annotations made on a copy of another size count for the photo as it is; those of another shape are a mistake. */
export function fitted(photo: Annotated, { width, height }: Size): Annotated {
  const by = width / photo.width;
  if (Math.abs(photo.height * by - height) > 0.02 * height)
    throw new Error(`${photo.file} is ${width} × ${height} when upright, not what its annotation says`);
  const scaled = (boxes: readonly Box[]) => boxes.map((box) => clipped(scaledBox(box, by), { width, height }));
  return { ...photo, width, height, faces: scaled(photo.faces), ignore: scaled(photo.ignore) };
}

/** A found face in pixels of its photo. */
export function inPixels({ left, top, width, height }: Face, photo: Size): Box {
  return {
    ...{ left: left * photo.width, top: top * photo.height },
    ...{ width: width * photo.width, height: height * photo.height },
  };
}

export function scaledBox({ left, top, width, height }: Box, by: number): Box {
  return { left: left * by, top: top * by, width: width * by, height: height * by };
}

export function clipped(box: Box, { width, height }: Size): Box {
  const left = Math.max(0, box.left);
  const top = Math.max(0, box.top);
  return {
    ...{ left, top },
    width: Math.min(width, box.left + box.width) - left,
    height: Math.min(height, box.top + box.height) - top,
  };
}

/** What the engine makes of a photo for a look of the given depth; sharp's pixels of one that it does not take. */
export async function probeByEngine(path: string, side: number): Promise<Probe & { readonly data: Buffer }> {
  const limits = { maxPixels: 100_000_000, maxFrames: 1, timeoutSeconds: 60 };
  const engine = loadEngine(true);
  if (!engine) throw new Error('the engine was not built: npm run build:engine');
  const source = await createRenderer(limits).examine(readFileSync(path));
  const { size } = source.header;
  const plan = planFrame(size, { width: 150, height: 150, fit: 'cover', margin: 0 });
  const all = { region: { left: 0, top: 0, ...size }, turn: UPRIGHT, shown: size, plain: true };
  const view = { ...all, plan, position: 'window', trimmed: false, moves: false } as const;
  const own = byEngine(engine, limits, new AbortController().signal);
  const wanted = { nearest: plan.scaled, lookSide: side, mostBytes: Number.MAX_SAFE_INTEGER };
  using held = await own.hold(source, view, THUMB, wanted);
  const pixels = await held?.whole();
  return pixels ?? probeOf(path, side);
}

/** The detector input as sharp makes it: upright, RGBA on white, `side` pixels on its longer side at most. */
export async function probeOf(path: string, side: number) {
  const { data, info } = await sharp(readFileSync(path))
    .autoOrient()
    .resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true })
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .ensureAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height } satisfies Probe;
}
