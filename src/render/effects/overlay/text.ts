import type { Sharp } from 'sharp';
import { freeNow, type Size } from '../../pixels.ts';
import type { SharpModule } from '../../sharp.ts';
import type { TextOverlay } from '../effects.ts';
import type { OverlayFont } from './assets.ts';
import type { Layer } from './layers.ts';

/** Of a line that is not broken, for each letter: wider than the letters of most texts. */
const LETTER_EMS = 0.7;
const LINE_EMS = 1.3;
/** Space around a text on its background, by the font's size. */
const PADDING_EMS = 0.35;
/** An outline grows by at most this share of the size in one step: less than the width of a stroke, so that it has no holes. */
const STROKE_EMS = 0.06;

/**
 * A text in its colours; undefined where nothing of it is to be seen. Lengths follow `unit`, and a text that would not fit the canvas is
 * set smaller, so that no text needs much more memory than the picture.
 */
export async function textLayer(
  sharp: SharpModule,
  overlay: TextOverlay,
  canvas: Size,
  unit: number,
  fonts: readonly OverlayFont[],
): Promise<Layer | undefined> {
  await registered(sharp, fonts);
  const font = fonts.find(({ name }) => name === overlay.font);
  if (!font) throw new Error(`there is no font ${overlay.font}, which stands in a recipe`);
  const room = { width: lineWidth(overlay, canvas, unit), height: canvas.height };
  const size = fittingSize(overlay.size * unit, overlay.text, room);
  const mask = await textMask(sharp, overlay, font, size, room.width);
  if (!mask) return undefined;
  const text = await coloured(sharp, mask, overlay.color);
  const { outline, background } = overlay;
  const width = outline ? Math.min(size / 2, Math.max(1, outline.width * unit)) : 0;
  const outlined = outline ? await withOutline(sharp, mask, text, outline.color, Math.round(width), size) : text;
  return background ? withBackground(sharp, outlined, background, Math.round(PADDING_EMS * size)) : outlined;
}

/** At which lines break. */
function lineWidth({ width, offset, position }: TextOverlay, canvas: Size, unit: number): number {
  if (width !== undefined) return Math.max(1, Math.round(width * canvas.width));
  const beside = position === 'tile' ? 0 : 2 * Math.abs(offset.x) * unit;
  return Math.max(1, Math.round(canvas.width - beside));
}

/** Pixels of the font's em: those that are wanted, or fewer, so that all lines fit into the room. */
function fittingSize(wanted: number, text: string, room: Size): number {
  const letters = [...text].length;
  const inRoom = Math.sqrt((room.width * room.height) / (letters * LETTER_EMS * LINE_EMS));
  return Math.max(1, Math.min(wanted, inRoom, room.height / LINE_EMS));
}

/** How much of each pixel is covered, one byte a pixel. */
async function textMask(
  sharp: SharpModule,
  { text, position }: TextOverlay,
  { family, style, path }: OverlayFont,
  size: number,
  width: number,
): Promise<Layer | undefined> {
  const align = position.endsWith('west') ? 'left' : position.endsWith('east') ? 'right' : 'centre';
  const font = `${family}, ${style} ${size.toFixed(2)}`;
  // At 72 dots an inch a point is a pixel. Pango reads the text as markup.
  const options = { text: escaped(text), font, fontfile: path, dpi: 72, width, align, wrap: 'word-char' } as const;
  try {
    return await rawOf(sharp({ text: options }).extractChannel(0));
  } catch (reason) {
    // Spaces, and letters without ink.
    if (reason instanceof Error && reason.message.includes('no text to render')) return undefined;
    throw reason;
  }
}

/** `colour`: #rrggbb or #rrggbbaa. */
async function coloured(sharp: SharpModule, mask: Layer, colour: string): Promise<Layer> {
  const { rgb, alpha } = parseColour(colour);
  const { width, height, data } = mask;
  const flat = sharp({ create: { width, height, channels: 3, background: rgb } });
  const layer = await rawOf(flat.joinChannel(data, { raw: { width, height, channels: 1 } }));
  return alpha < 1 ? instead(layer, faded(sharp, layer, alpha)) : layer;
}

/** The text on itself, shifted to all sides by `reach` pixels. */
async function withOutline(
  sharp: SharpModule,
  mask: Layer,
  text: Layer,
  colour: string,
  reach: number,
  size: number,
): Promise<Layer> {
  const { rgb, alpha } = parseColour(colour);
  const room = { top: reach, bottom: reach, left: reach, right: reach, background: '#0000' };
  const solid = await coloured(sharp, mask, rgb);
  let grown = await instead(solid, rawOf(fromRaw(sharp, solid).extend(room)));
  const longest = Math.max(1, Math.floor(STROKE_EMS * size));
  for (let left = reach; left > 0; left -= longest)
    grown = await instead(grown, shifted(sharp, grown, Math.min(left, longest)));
  if (alpha < 1) grown = await instead(grown, faded(sharp, grown, alpha));
  return instead(grown, instead(text, laid(sharp, grown, text, reach)));
}

async function shifted(sharp: SharpModule, layer: Layer, by: number): Promise<Layer> {
  const { width, height } = layer;
  const around = { top: by, bottom: by, left: by, right: by, background: '#0000' };
  const wide = await rawOf(fromRaw(sharp, layer).extend(around));
  const copies = Array.from({ length: 8 }, (_, at) => {
    const [dx, dy] = [Math.round(by * Math.cos((at * Math.PI) / 4)), Math.round(by * Math.sin((at * Math.PI) / 4))];
    return { input: layer.data, raw: rawOptions(layer), left: by + dx, top: by + dy };
  });
  const drawn = await instead(wide, rawOf(fromRaw(sharp, wide).composite(copies)));
  return instead(drawn, rawOf(fromRaw(sharp, drawn).extract({ left: by, top: by, width, height })));
}

async function withBackground(sharp: SharpModule, text: Layer, colour: string, padding: number): Promise<Layer> {
  const { rgb, alpha } = parseColour(colour);
  const [width, height] = [text.width + 2 * padding, text.height + 2 * padding];
  const flat = sharp({ create: { width, height, channels: 4, background: rgb } });
  const plate = await rawOf(flat.ensureAlpha());
  const below = alpha < 1 ? await instead(plate, faded(sharp, plate, alpha)) : plate;
  return instead(below, instead(text, laid(sharp, below, text, padding)));
}

async function laid(sharp: SharpModule, below: Layer, above: Layer, at: number): Promise<Layer> {
  const input = { input: above.data, raw: rawOptions(above), left: at, top: at };
  return rawOf(fromRaw(sharp, below).composite([input]));
}

/** What is made of a layer that has no other use, which is then freed: V8 would find it late. */
export async function instead(layer: Layer, making: Promise<Layer>): Promise<Layer> {
  const made = await making;
  freeNow(layer.data);
  return made;
}

/** The same with this share of its alpha. */
export function faded(sharp: SharpModule, layer: Layer, share: number): Promise<Layer> {
  return rawOf(fromRaw(sharp, layer).linear([1, 1, 1, share], [0, 0, 0, 0]));
}

export function fromRaw(sharp: SharpModule, layer: Layer): Sharp {
  return sharp(layer.data, { raw: rawOptions(layer) });
}

export function rawOptions({ width, height }: Size): { width: number; height: number; channels: 4 } {
  return { width, height, channels: 4 };
}

export async function rawOf(image: Sharp): Promise<Layer> {
  const { data, info } = await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

function parseColour(colour: string): { rgb: string; alpha: number } {
  const alpha = colour.length > 7 ? Number.parseInt(colour.slice(7), 16) / 255 : 1;
  return { rgb: colour.slice(0, 7), alpha };
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** Pango's markup is XML: https://docs.gtk.org/Pango/pango_markup.html. */
function escaped(text: string): string {
  return text.replace(/[&<>]/g, (letter) => ENTITIES[letter] ?? '');
}

const registering = new WeakMap<readonly OverlayFont[], Promise<void>>();

/**
 * Makes libvips know all fonts before the first text: a letter that a font lacks comes from another one, which must not depend on
 * what was set before.
 */
function registered(sharp: SharpModule, fonts: readonly OverlayFont[]): Promise<void> {
  const known = registering.get(fonts);
  if (known) return known;
  const all = (async () => {
    for (const { path, family, style } of fonts)
      await sharp({ text: { text: 'a', font: `${family}, ${style} 8`, fontfile: path, dpi: 72 } })
        .raw()
        .toBuffer();
  })();
  registering.set(fonts, all);
  // A passing failure, such as a full disk, must not last as long as the process.
  all.catch(() => registering.delete(fonts));
  return all;
}
