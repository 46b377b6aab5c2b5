import { type OptionReader, type OptionTable, refuse } from '../scheme.ts';
import { anyColour, decimalIn, formatOf, hexColour, inline, quarterTurn, whole } from '../values.ts';
import { CLOUDINARY_EFFECTS } from './effects.ts';

/** Cloudinary's parameters beside those of its resize modes (https://cloudinary.com/documentation/transformation_reference). */

/** The mean SSIM of each name; `good` is what `quality: "auto"` aims at. */
const AUTO_QUALITIES: Readonly<Record<string, string | undefined>> = {
  ...{ auto: undefined, 'auto:good': undefined, 'auto:best': '0p98', 'auto:eco': '0p94', 'auto:low': '0p9' },
};

const quality: OptionReader = (wish, [text = ''], option) => {
  wish.said.set('quality', option.text);
  const [number = '', chroma, ...more] = text.split(':');
  if (/^auto/.test(text)) {
    if (!Object.hasOwn(AUTO_QUALITIES, text)) refuse(option, 'expected auto, or auto: best, good, eco or low');
    wish.quality = 'auto';
    const { [text]: ssim } = AUTO_QUALITIES;
    if (ssim) wish.more.set('ssim', ssim);
    return;
  }
  wish.quality = whole(number, option, 100);
  if (chroma === undefined) return;
  if (more.length > 0 || (chroma !== '420' && chroma !== '444'))
    refuse(option, 'expected 420 or 444 behind the number');
  wish.more.set('chroma', chroma);
};

const format: OptionReader = (wish, [text = ''], option) => {
  wish.format = text === 'auto' ? 'auto' : formatOf(text, option);
  wish.said.set('format', option.text);
};

const dpr: OptionReader = (wish, [text = ''], option) => {
  if (text === 'auto') refuse(option, 'no client hint is looked at');
  wish.ratio = decimalIn(text, 0.1, 8, option);
};

const background: OptionReader = (wish, [text = ''], option) => {
  const [kind = '', colour = ''] = text.split(':');
  if (text === 'auto' || text === 'blurred') {
    if (wish.fit === 'inside') wish.said.set('background', option.text);
    wish.background = text === 'auto' ? 'auto' : 'blur';
  } else if (kind === 'rgb') wish.background = hexColour(colour, option);
  else if (text === 'transparent') delete wish.background;
  else wish.background = anyColour(text.replace(/^(#|%23)/, ''), option);
  wish.said.set('background', option.text);
};

/** Turns and flips, joined by dots. */
const angle: OptionReader = (wish, [text = ''], option) => {
  for (const part of text.split('.')) {
    if (part === 'hflip' || part === 'vflip') {
      const { horizontal = false, vertical = false } = wish.flip ?? {};
      wish.flip = { horizontal: horizontal || part === 'hflip', vertical: vertical || part === 'vflip' };
    } else if (part === 'exif') continue;
    else {
      const turn = quarterTurn(decimalIn(part, -100_000, 100_000, option), option);
      if (turn) wish.rotate = turn;
    }
  }
  wish.said.set('rotate', option.text);
};

const radius: OptionReader = (wish, [text = ''], option) => {
  if (text === 'max') wish.more.set('radius', 'circle');
  else if (text.includes(':')) refuse(option, 'all corners have one radius');
  else wish.more.set('radius', String(whole(text, option, 8192)));
  wish.said.set('radius', option.text);
};

const flags: OptionReader = (wish, [text = ''], option) => {
  for (const flag of text.split('.')) {
    if (/^progressive(:steep|:semi)?$/.test(flag)) wish.more.set('progressive', '1');
    else if (flag === 'progressive:none') wish.more.set('progressive', '0');
    else if (!/^(force_strip|strip_profile|immutable_cache|lossy)$/.test(flag))
      refuse(option, 'this flag has no equal');
  }
  wish.said.set('progressive', option.text);
};

const page: OptionReader = (wish, [text = ''], option) => {
  const number = whole(text, option, 1000);
  if (number === 0) refuse(option, 'pages are counted from 1 on');
  // Theirs begin with 1, ours with 0.
  if (number > 1) wish.more.set('page', String(number - 1));
};

const OVERLAY = 'overlays stand in presets: an old URL chooses no picture or text to lay over';
const SCRIPT = 'variables and conditions are not computed';
const VIDEO = 'there is no video';

export const CLOUDINARY_PARAMETERS: OptionTable = {
  ...{ q: quality, f: format, dpr, b: background, a: angle, r: radius, fl: flags, pg: page, e: CLOUDINARY_EFFECTS },
  dn: (wish, [text = ''], option) => void wish.more.set('dpi', inline(decimalIn(text, 1, 2400, option))),
  bo: 'the border lies outside of the size there, and inside here',
  co: 'it is the colour of a text or an effect',
  cs: 'renditions are sRGB, or Display P3 by a preset',
  d: 'an old URL chooses no other picture',
  l: OVERLAY,
  u: OVERLAY,
  o: 'a picture itself is opaque',
  p: 'prefixes of layers are not known',
  if: SCRIPT,
  so: VIDEO,
  eo: VIDEO,
  du: VIDEO,
  vc: VIDEO,
  ac: VIDEO,
  br: VIDEO,
  fps: VIDEO,
  ki: VIDEO,
  sp: VIDEO,
  vs: VIDEO,
  dl: VIDEO,
};
