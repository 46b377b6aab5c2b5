import { errors } from '../../../errors.ts';
import { freeNow, type Pixels, type Size, sameSize } from '../../pixels.ts';
import type { SharpModule } from '../../sharp.ts';
import { inkFor } from '../colour/paint.ts';
import type { ImageOverlay, Overlay } from '../effects.ts';
import type { Placement } from '../placement.ts';
import type { OverlayAssets } from './assets.ts';
import type { Layer, LayerCache } from './layers.ts';
import { mix } from './mix.ts';
import { faded, fromRaw, instead, rawOf, rawOptions, textLayer } from './text.ts';

/** What a renderer has for its overlays. */
export interface OverlayTools {
  readonly assets: OverlayAssets;
  readonly layers: LayerCache;
  /** Plain overlays are mixed here, a tenth of libvips' time for a level's difference: on pixels that are not libvips' either. */
  readonly mixes?: boolean;
}

/** Lays images and texts on every frame. Sizes follow the canvas, so they look the same at each ratio and width. */
export async function applyOverlays(
  sharp: SharpModule,
  pixels: Pixels,
  overlays: readonly Overlay[],
  { unit }: Pick<Placement, 'unit'>,
  { assets, layers, mixes = false }: OverlayTools,
): Promise<Pixels> {
  const { width, height } = pixels;
  const canvas = { width, height };
  let drawn = pixels;
  for (const overlay of overlays) {
    if (width < (overlay.minWidth ?? 0)) continue;
    const key = JSON.stringify([overlay, canvas, unit, pixels.wide]);
    const layer = await layers.of(key, () => layerOf(sharp, overlay, pixels, unit, assets));
    if (!layer) continue;
    if (drawn === pixels) drawn = { ...pixels, data: Buffer.from(pixels.data), cut: undefined };
    const at = overlay.position === 'tile' ? undefined : positionOf(overlay, layer, canvas, unit);
    if (at && mixes && overlay.blend === 'over' && pixels.channels === 3 && pixels.frames === 1) mix(drawn, layer, at);
    else
      for (let frame = 0; frame < pixels.frames; frame += 1) await layOn(sharp, drawn, frame, layer, at, overlay.blend);
  }
  return drawn;
}

async function layerOf(
  sharp: SharpModule,
  overlay: Overlay,
  canvas: Pick<Pixels, 'width' | 'height' | 'wide'>,
  unit: number,
  assets: OverlayAssets,
): Promise<Layer | undefined> {
  let layer =
    'image' in overlay
      ? await imageLayer(sharp, overlay, canvas, unit, assets)
      : await textLayer(sharp, overlay, canvas, unit, assets.fonts);
  if (!layer) return undefined;
  layer = { ...layer, data: inkFor(canvas, layer.data) };
  if (overlay.opacity < 1) layer = await instead(layer, faded(sharp, layer, overlay.opacity));
  const turned = () => rawOf(fromRaw(sharp, layer as Layer).rotate(overlay.rotate, { background: '#0000' }));
  if (overlay.rotate !== 0) layer = await instead(layer, turned());
  if (overlay.position !== 'tile') return layer;
  const gap = { right: Math.round(overlay.offset.x * unit), bottom: Math.round(overlay.offset.y * unit) };
  return instead(layer, rawOf(fromRaw(sharp, layer).extend({ ...gap, background: '#0000' })));
}

/** Scaled to its share of the width, and never beyond the canvas. */
async function imageLayer(
  sharp: SharpModule,
  { image, width }: ImageOverlay,
  canvas: Size,
  unit: number,
  assets: OverlayAssets,
): Promise<Layer> {
  const file = assets.image(image);
  // Replaced while the rendition waited for its turn: the next try is of the new one.
  if (!file) throw errors.busy(1);
  const upright = sharp(file, { failOn: 'error' }).autoOrient();
  const { autoOrient: own } = await upright.metadata();
  const across = width === undefined ? own.width * unit : width * canvas.width;
  const wide = Math.min(across, canvas.width, (canvas.height * own.width) / own.height);
  const high = (wide * own.height) / own.width;
  const [fitWidth, fitHeight] = [wide, high].map((side) => Math.max(1, Math.round(side)));
  return rawOf(
    upright
      .resize({ width: fitWidth as number, height: fitHeight as number, fit: 'fill' })
      .toColourspace('srgb')
      .ensureAlpha(),
  );
}

function positionOf({ position, offset }: Overlay, layer: Size, canvas: Size, unit: number) {
  const [x, y] = [Math.round(offset.x * unit), Math.round(offset.y * unit)];
  const [across, down] = [canvas.width - layer.width, canvas.height - layer.height];
  const left = position.endsWith('west') ? x : position.endsWith('east') ? across - x : Math.round(across / 2) + x;
  const top = position.startsWith('north') ? y : position.startsWith('south') ? down - y : Math.round(down / 2) + y;
  return { left, top };
}

/** Writes into one frame of `pixels`, which are this stage's own. `at` undefined: all over the canvas. */
async function layOn(
  sharp: SharpModule,
  pixels: Pixels,
  frame: number,
  layer: Layer,
  at: { readonly left: number; readonly top: number } | undefined,
  blend: Overlay['blend'],
): Promise<void> {
  const { width, height, channels, data } = pixels;
  const [left, top] = [Math.max(0, at?.left ?? 0), Math.max(0, at?.top ?? 0)];
  const right = at ? Math.min(width, at.left + layer.width) : width;
  const bottom = at ? Math.min(height, at.top + layer.height) : height;
  if (right <= left || bottom <= top) return;
  const region = { width: right - left, height: bottom - top };
  const offset = at ? { left: left - at.left, top: top - at.top } : { left: 0, top: 0 };
  const seen = { width: Math.min(region.width, layer.width), height: Math.min(region.height, layer.height) };
  const input = sameSize(seen, layer) ? layer.data : cut(layer.data, layer, 4, { ...offset, ...seen });
  const below = cut(data, { width, height }, channels, { left, top, ...region }, frame * height);
  const { data: made } = await sharp(below, { raw: { ...region, channels } })
    .composite([{ input, raw: rawOptions(seen), blend, left: 0, top: 0, tile: at === undefined }])
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const step = made.length / (region.width * region.height);
  paste(made, step, data, { left, top: top + frame * height, ...region }, width, channels);
  // As large as the picture where an overlay covers it.
  for (const done of [below, made]) freeNow(done);
}

/** A part of raw pixels by rows; `skip`: rows above the picture. */
function cut(
  data: Buffer,
  { width }: Size,
  channels: number,
  part: Size & { readonly left: number; readonly top: number },
  skip = 0,
): Buffer {
  const row = part.width * channels;
  const out = Buffer.allocUnsafe(row * part.height);
  for (let y = 0; y < part.height; y += 1) {
    const from = ((skip + part.top + y) * width + part.left) * channels;
    data.copy(out, y * row, from, from + row);
  }
  return out;
}

/** `step`: channels of `made`, which has alpha where the picture has none. */
function paste(
  made: Buffer,
  step: number,
  data: Buffer,
  part: Size & { readonly left: number; readonly top: number },
  width: number,
  channels: number,
): void {
  for (let y = 0; y < part.height; y += 1) {
    let to = ((part.top + y) * width + part.left) * channels;
    let from = y * part.width * step;
    if (step === channels) {
      made.copy(data, to, from, from + part.width * step);
      continue;
    }
    for (let x = 0; x < part.width; x += 1, to += channels, from += step)
      for (let channel = 0; channel < channels; channel += 1) data[to + channel] = made[from + channel] ?? 0;
  }
}
