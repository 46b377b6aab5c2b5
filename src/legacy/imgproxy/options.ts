import { type OptionReader, type OptionTable, refuse, type SaidOption, type Wish } from '../scheme.ts';
import { bool, decimalIn, formatOf, hexColour, inline, quarterTurn, whole } from '../values.ts';
import { crop } from './crop.ts';
import { compassName, extend, gravity } from './gravity.ts';
import { IMGPROXY_UNMAPPED } from './unmapped.ts';
import { watermark } from './watermark.ts';

/** imgproxy's options (https://docs.imgproxy.net/usage/processing, version 4): by long and short name what each asks for. */

const MAX_RATIO = 8;
const FITS = { fit: 'inside', fill: 'cover', 'fill-down': 'cover', force: 'fill' } as const;

const resizingType: OptionReader = (wish, [type = ''], option) => {
  const { [type as keyof typeof FITS]: fit } = FITS;
  if (type === 'auto') refuse(option, 'the shape of the result would depend on the original');
  if (!Object.hasOwn(FITS, type) || !fit) refuse(option, 'expected fit, fill, fill-down or force');
  wish.fit = fit;
  wish.said.set('fit', option.text);
};

const side =
  (field: 'width' | 'height'): OptionReader =>
  (wish, [text = '0'], option) => {
    const pixels = whole(text, option);
    if (pixels === 0) delete wish[field];
    else wish[field] = pixels;
    wish.said.set(field, option.text);
  };
const width = side('width');
const height = side('height');

const enlarge: OptionReader = (wish, [text = ''], option) => {
  wish.enlarge = bool(text, option);
};

/** `width:height:enlarge:extend:<gravity of extend>`, each of which may be empty. */
const size: OptionReader = (wish, [w = '', h = '', el = '', ...ex], option) => {
  if (w !== '') width(wish, [w], option);
  if (h !== '') height(wish, [h], option);
  if (el !== '') enlarge(wish, [el], option);
  if ((ex[0] ?? '') !== '') extend(wish, ex, option);
};

const resize: OptionReader = (wish, [type = '', ...more], option) => {
  if (type !== '') resizingType(wish, [type], option);
  size(wish, more, option);
};

const dpr: OptionReader = (wish, [text = ''], option) => {
  wish.ratio = decimalIn(text, 0.1, MAX_RATIO, option);
};

const zoom: OptionReader = (_wish, args, option) => {
  if (args.some((text) => Number(text) !== 1)) refuse(option, 'write the width and height that it comes to');
};

const trim: OptionReader = (wish, [threshold = '', colour = '', ...equal], option) => {
  if (colour !== '') refuse(option, "the border's own colour is found");
  if (equal.some((text) => bool(text, option))) refuse(option, 'each side is cut by what it has');
  wish.trim = Math.round(decimalIn(threshold === '' ? '10' : threshold, 0, 128, option));
  wish.said.set('trim', option.text);
};

/** As in CSS: what is left out is as the side across from it, or as the top. */
const padding: OptionReader = (wish, [t = '', r = '', b = '', l = ''], option) => {
  const top = t === '' ? 0 : whole(t, option);
  const right = r === '' ? top : whole(r, option);
  wish.padding = [top, right, b === '' ? top : whole(b, option), l === '' ? right : whole(l, option)];
  wish.said.set('padding', option.text);
};

const rotate: OptionReader = (wish, [text = ''], option) => {
  const turn = quarterTurn(decimalIn(text, -100_000, 100_000, option), option);
  if (turn) wish.rotate = turn;
  else delete wish.rotate;
};

const flip: OptionReader = (wish, [horizontal = '', vertical = ''], option) => {
  wish.flip = { horizontal: bool(horizontal, option), vertical: bool(vertical, option) };
};

const background: OptionReader = (wish, args, option) => {
  if (args.length === 1 && args[0] === '') delete wish.background;
  else if (args.length === 1) wish.background = hexColour(args[0] ?? '', option);
  else if (args.length !== 3) refuse(option, 'expected a colour as hex digits or as three numbers');
  else wish.background = args.map((text) => whole(text, option, 255).toString(16).padStart(2, '0')).join('');
};

/** A field of inline recipes whose number is the option's own. `none`: the value that changes nothing. */
const effect =
  (name: string, field: string, least: number, most: number, none = 0): OptionReader =>
  (wish, [text = '', ...more], option) => {
    if (more.length > 0) refuse(option, 'expected one number');
    const value = Number(text) === none ? none : decimalIn(text, least, most, option);
    if (value === none) wish.more.delete(name);
    else wish.more.set(name, inline(value));
    wish.said.set(field, option.text);
  };

const quality: OptionReader = (wish, [text = ''], option) => {
  const value = whole(text, option, 100);
  // 0 takes back what was said before.
  if (value === 0) delete wish.quality;
  else wish.quality = value;
  wish.said.set('quality', option.text);
};

const formatQuality: OptionReader = (wish, args, option) => {
  if (args.length === 0 || args.length % 2 === 1) refuse(option, 'expected a quality for each format');
  for (let at = 0; at < args.length; at += 2) {
    const format = formatOf(args[at] ?? '', option);
    if (format === 'png' || format === 'jxl') refuse(option, 'a quality of its own have jpeg, webp and avif');
    const value = whole(args[at + 1] ?? '', option, 100);
    if (value > 0) wish.qualities = { ...wish.qualities, [format]: value };
  }
  wish.said.set('qualities', option.text);
};

const format: OptionReader = (wish, [text = ''], option) => {
  wish.format = text === 'best' ? 'auto' : formatOf(text, option);
  wish.said.set('format', option.text);
};

/** A switch of which one position is what is done here anyway. */
const only =
  (position: boolean, reason: string): OptionReader =>
  (_wish, [text = ''], option) => {
    if (bool(text, option) !== position) refuse(option, reason);
  };

const expires: OptionReader = (wish, [text = ''], option) => {
  if (!/^\d{1,12}$/.test(text)) refuse(option, 'expected a time in unix seconds');
  if (Number(text) > 0) wish.expiresAt = Number(text);
};

const maxBytes: OptionReader = (wish, [text = ''], option) => {
  if (!/^\d{1,9}$/.test(text)) refuse(option, 'expected a number of bytes');
  wish.said.set('maxBytes', option.text);
  setOrClear(wish, 'max', Number(text) > 0, String(Number(text)));
};

const autoquality: OptionReader = (wish, [method = ''], option) => {
  if (method === 'none') return;
  if (method !== 'dssim' && method !== 'ssim' && method !== 'ml') refuse(option, 'qualities are found by SSIM');
  wish.quality = 'auto';
  wish.said.set('quality', option.text);
};

const keepCopyright: OptionReader = (wish, [text = ''], option) => {
  setOrClear(wish, 'c', bool(text, option), '1');
  wish.said.set('keepCopyright', option.text);
};

const stripProfile: OptionReader = (wish, [text = ''], option) => {
  setOrClear(wish, 'gamut', !bool(text, option), 'p3');
  wish.said.set('gamut', option.text);
};

const page: OptionReader = (wish, [text = ''], option) => {
  setOrClear(wish, 'page', whole(text, option, 999) > 0, text);
};

function setOrClear({ more }: Wish, name: string, set: boolean, value: string): void {
  if (set) more.set(name, value);
  else more.delete(name);
}

/** It was made to be another URL of the same picture; the signature covers it. */
const nothing: OptionReader = () => {};

export const IMGPROXY_OPTIONS: OptionTable = {
  ...IMGPROXY_UNMAPPED,
  ...named(resize, 'resize', 'rs'),
  ...named(size, 'size', 's'),
  ...named(resizingType, 'resizing_type', 'rt'),
  ...named(width, 'width', 'w'),
  ...named(height, 'height', 'h'),
  ...named(zoom, 'zoom', 'z'),
  ...named(dpr, 'dpr'),
  ...named(enlarge, 'enlarge', 'el'),
  ...named(extend, 'extend', 'ex'),
  ...named(extendToRatio, 'extend_aspect_ratio', 'extend_ar', 'exar'),
  ...named(gravity, 'gravity', 'g'),
  ...named(crop, 'crop', 'c'),
  ...named(trim, 'trim', 't'),
  ...named(padding, 'padding', 'pd'),
  ...named(only(true, 'photos are always turned upright'), 'auto_rotate', 'ar'),
  ...named(rotate, 'rotate', 'rot'),
  ...named(flip, 'flip', 'fl'),
  ...named(background, 'background', 'bg'),
  ...named(effect('blur', 'blur', 0.3, 250), 'blur', 'bl'),
  ...named(effect('sharpen', 'sharpen', 0.3, 10), 'sharpen', 'sh'),
  ...named(effect('pixelate', 'pixelate', 0, 1000), 'pixelate', 'pix'),
  ...named(effect('contrast', 'contrast', 0, 4, 1), 'contrast', 'co'),
  ...named(effect('saturation', 'saturation', 0, 4, 1), 'saturation', 'sa'),
  ...named(effect('dpi', 'dpi', 1, 2400), 'dpi'),
  ...named(watermark, 'watermark', 'wm'),
  ...named(only(true, 'metadata say where a seller lives'), 'strip_metadata', 'sm'),
  ...named(keepCopyright, 'keep_copyright', 'kcr'),
  ...named(stripProfile, 'strip_color_profile', 'scp'),
  ...named(only(false, 'renditions are of 8 bits'), 'preserve_hdr', 'ph'),
  ...named(only(false, 'a thumbnail in the file is of another sharpness'), 'enforce_thumbnail', 'eth'),
  ...named(quality, 'quality', 'q'),
  ...named(formatQuality, 'format_quality', 'fq'),
  ...named(autoquality, 'autoquality', 'aq'),
  ...named(maxBytes, 'max_bytes', 'mb'),
  ...named(format, 'format', 'f', 'ext'),
  ...named(page, 'page', 'pg'),
  ...named(only(true, 'only the first frame is sent'), 'disable_animation', 'da'),
  ...named(only(false, "an old URL never sends the original's own file"), 'raw'),
  ...named(only(false, 'an old URL names no download'), 'return_attachment', 'att'),
  ...named(nothing, 'cachebuster', 'cb'),
  ...named(expires, 'expires', 'exp'),
};

function extendToRatio(wish: Wish, args: readonly string[], option: SaidOption): void {
  const [on = '', place = 'ce', ...offsets] = args;
  if (!bool(on, option)) return;
  // A picture that fills its size has nothing to extend.
  if (wish.fit === 'inside') wish.fit = 'contain';
  wish.canvasGravity = compassName(place, offsets, option);
  wish.said.set('fit', option.text);
}

function named(reader: OptionReader, ...names: string[]): OptionTable {
  return Object.fromEntries(names.map((name) => [name, reader]));
}
