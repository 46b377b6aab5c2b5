import { type OptionReader, type OptionTable, refuse, type SaidOption } from '../scheme.ts';
import { anyColour, decimalIn, formatOf, imageOverlay, inline, quarterTurn, whole } from '../values.ts';

/** Thumbor's filters (https://thumbor.readthedocs.io/en/latest/filters.html, version 7): what each asks for, or why it cannot. */

const quality: OptionReader = (wish, [text = ''], option) => {
  wish.quality = whole(text, option, 100);
  wish.said.set('quality', option.text);
};

const format: OptionReader = (wish, [text = ''], option) => {
  wish.format = formatOf(text, option);
  wish.said.set('format', option.text);
};

const background: OptionReader = (wish, [text = ''], option) => {
  wish.background = anyColour(text, option);
};

/** The canvas has the whole size, as the picture lies within it. */
const fill: OptionReader = (wish, [text = ''], option) => {
  const own = text === 'auto' || text === 'blur';
  wish.said.set('background', option.text);
  if (text !== 'transparent') wish.background = own ? text : anyColour(text, option);
  if (wish.fit !== 'inside' || wish.width === undefined || wish.height === undefined) {
    if (own) refuse(option, 'it needs fit-in and both sides');
    return;
  }
  wish.fit = own ? 'pad' : 'contain';
  wish.extend = true;
};

const blur: OptionReader = (wish, [radius = '', sigma = '0'], option) => {
  const [kernel, deviation] = [whole(radius, option, 150), decimalIn(sigma, 0, 150, option)];
  if (kernel === 0) refuse(option, 'expected a radius from 1 on');
  wish.more.set('blur', inline(deviation === 0 ? kernel : deviation));
  wish.said.set('blur', option.text);
};

/** Theirs is a factor around 128, and the square of one: (100 + value)² / 10,000. */
const contrast: OptionReader = (wish, [text = ''], option) => {
  const value = decimalIn(text, -100, 100, option);
  factor(wish.more, 'contrast', ((100 + value) / 100) ** 2);
  wish.said.set('contrast', option.text);
};

const saturation: OptionReader = (wish, [text = ''], option) => {
  factor(wish.more, 'saturation', decimalIn(text, 0, 4, option));
};

function factor(more: Map<string, string>, name: string, value: number): void {
  if (value === 1) more.delete(name);
  else more.set(name, inline(value));
}

const rotate: OptionReader = (wish, [text = ''], option) => {
  const turn = quarterTurn(decimalIn(text, -100_000, 100_000, option), option);
  if (turn) wish.rotate = turn;
  else delete wish.rotate;
};

const roundCorner: OptionReader = (wish, [radius = '', r = '', g = '', b = '', transparent = ''], option) => {
  if (radius.includes('|')) refuse(option, 'corners are circular: one radius');
  wish.more.set('radius', String(whole(radius, option, 8192)));
  wish.said.set('radius', option.text);
  const colour = [r, g, b].map((text) => whole(text, option, 255).toString(16).padStart(2, '0')).join('');
  if (/^(1|true)$/i.test(transparent)) return;
  wish.background = colour;
  wish.cornersIn = option;
};

const proportion: OptionReader = (wish, [text = ''], option) => {
  const by = decimalIn(text, 0.0001, 1, option);
  if (wish.width === undefined && wish.height === undefined) refuse(option, 'the size would depend on the original');
  if (wish.width !== undefined) wish.width = Math.max(1, Math.round(wish.width * by));
  if (wish.height !== undefined) wish.height = Math.max(1, Math.round(wish.height * by));
};

const stretch: OptionReader = (wish, _args, option) => {
  if (wish.fit === 'cover') wish.fit = 'fill';
  wish.said.set('fit', option.text);
};

const maxBytes: OptionReader = (wish, [text = ''], option) => {
  if (!/^[1-9]\d{0,8}$/.test(text)) refuse(option, 'expected a number of bytes');
  wish.more.set('max', text);
  wish.said.set('maxBytes', option.text);
};

const maxAge: OptionReader = (wish, [text = ''], option) => {
  if (!/^[1-9]\d{0,7}$/.test(text)) refuse(option, 'expected a number of seconds');
  wish.maxAge = Math.min(Number(text), 31_536_000);
};

/** `image,x,y,transparency[,width share[,height share]]`: from the left upper corner, or below 0 from the right lower one. */
const watermark: OptionReader = (wish, [image = '', x = '', y = '', alpha = '0', w = 'none', h = 'none'], option) => {
  if (!/^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/.test(image))
    refuse(option, 'a watermark is an asset of DARKROOM_ASSETS, by name');
  if (h !== 'none' && h !== '') refuse(option, 'its width alone is a share of the picture');
  const opacity = 1 - decimalIn(alpha, 0, 100, option) / 100;
  if (opacity === 0) return;
  const share = w === 'none' || w === '' ? '' : `:w:${inline(decimalIn(w, 0.1, 100, option))}`;
  const [across, down] = [placeOf(x, option), placeOf(y, option)];
  if ((across === 'repeat') !== (down === 'repeat')) refuse(option, 'it is repeated in both directions or in none');
  const at = across === 'repeat' || down === 'repeat' ? ':tile:1' : `:at:${compass(across.sign, down.sign)}`;
  const lying = { x: across === 'repeat' ? 0 : across.px, y: down === 'repeat' ? 0 : down.px };
  const text = imageOverlay(image, `${at}${share}${opacity === 1 ? '' : `:opacity:${inline(opacity)}`}`);
  wish.overlays.push({ text, ...lying });
  wish.said.set('overlays', option.text);
};

interface Along {
  readonly sign: 'start' | 'middle' | 'end';
  readonly px: number;
}

function placeOf(text: string, option: SaidOption): Along | 'repeat' {
  if (text === 'repeat') return 'repeat';
  if (text === 'center') return { sign: 'middle', px: 0 };
  if (text.endsWith('p')) refuse(option, 'its place is pixels, center or repeat');
  const px = decimalIn(text, -4096, 4096, option);
  return { sign: text.startsWith('-') ? 'end' : 'start', px: Math.abs(px) };
}

function compass(across: Along['sign'], down: Along['sign']): string {
  const vertical = { start: 'north', middle: '', end: 'south' }[down];
  return `${vertical}${{ start: 'west', middle: '', end: 'east' }[across]}` || 'center';
}

const nothing: OptionReader = () => {};

const RETOUCHING = 'it retouches single photos';

export const THUMBOR_FILTERS: OptionTable = {
  ...{ quality, format, background_color: background, fill, blur, contrast, saturation, rotate, proportion, stretch },
  ...{ watermark, round_corner: roundCorner, max_bytes: maxBytes, max_age: maxAge },
  grayscale: (wish) => void wish.more.set('grayscale', '1'),
  no_upscale: (wish) => void delete wish.enlarge,
  upscale: (wish) => void Object.assign(wish, { enlarge: true }),
  // What is done here anyway: no metadata, sRGB, and JPEG where no original is transparent.
  ...{ strip_exif: nothing, strip_icc: nothing, autojpg: nothing },
  sharpen: (wish, [, radius = ''], option) => {
    wish.more.set('sharpen', inline(decimalIn(radius, 0.3, 10, option)));
    wish.said.set('sharpen', option.text);
  },
  pixelate: (wish, [size = ''], option) => {
    wish.more.set('pixelate', String(whole(size, option, 1000)));
    wish.said.set('pixelate', option.text);
  },
  brightness: 'levels are multiplied here, where thumbor adds to them',
  colorize: 'its shares of single channels have no equal',
  rgb: 'its shares of single channels have no equal',
  equalize: 'normalize is milder, and stands in presets',
  focal: 'its box is of pixels of the original: say the point as the focus of an edit',
  extract_focal: 'say the point as the focus of an edit',
  ...{ curve: RETOUCHING, convolution: RETOUCHING, noise: RETOUCHING, red_eye: RETOUCHING, cover: RETOUCHING },
  frame: 'a frame is an overlay of a preset',
  text: 'an old URL lays no text over a picture',
  draw_detections: 'the playground draws faces and crop',
};
