import { createHmac } from 'node:crypto';
import { sameText } from '../../url/same-text.ts';
import { swapSides } from '../recipe-text.ts';
import {
  type LegacyScheme,
  type LegacySettings,
  type LegacyWish,
  malformed,
  noWish,
  type ReadingSettings,
  readOption,
  refuse,
  type SplitUrl,
  type Wish,
} from '../scheme.ts';
import { whole, withSlashes } from '../values.ts';
import { THUMBOR_FILTERS } from './filters.ts';
import { separateFilters } from './separate-filters.ts';

/** HMAC-SHA1 in URL-safe Base64 with its padding, which proxies may write encoded. */
const SIGNATURE = /^[\w-]{27}(?:=|%3D)$/i;
const MAX_FILTERS = 64;

/**
 * The parts before the source, in the order in which Thumbor expects them
 * (https://thumbor.readthedocs.io/en/latest/usage.html). Each is matched alone, so that no input makes the engine go back.
 */
const PARTS = {
  debug: /^debug$/,
  meta: /^meta$/,
  trim: /^trim(?::(top-left|bottom-right))?(?::(\d+))?$/,
  crop: /^(\d+)x(\d+):(\d+)x(\d+)$/,
  fit: /^(adaptive-)?(full-)?fit-in$/,
  size: /^(-)?(\d+|orig)?x(-)?(\d+|orig)?$/,
  halign: /^(left|right|center)$/,
  valign: /^(top|bottom|middle)$/,
  smart: /^smart$/,
} as const;
type Part = keyof typeof PARTS;

/** From the first filter to the last closing parenthesis before a slash, as proxies may write it. */
const FILTERS = /(?<=^|\/)filters(?::|%3A).*(?:\)|%29)(?=\/)/i;
const withoutEscapes = (filters: string) => filters.replaceAll(/%(28|29|2C|3A)/gi, (hex) => decodeURIComponent(hex));

/** Thumbor 6 and 7: `/<signature>/<options>/<source>`. */
export const thumbor: LegacyScheme = {
  name: 'thumbor',

  split(path) {
    const [, signature = '', written = ''] = /^\/([^/]+)\/(.+)$/.exec(path) ?? [];
    const rest = withSlashes(written).replace(FILTERS, withoutEscapes);
    if (signature === 'unsafe') return { signature: undefined, signed: [], rest };
    if (rest === '' || !SIGNATURE.test(signature)) return undefined;
    return { signature: signature.replace(/%3D$/i, '='), signed: [rest], rest };
  },

  verify({ signature, signed: [text = ''] }, { keys }: LegacySettings) {
    return keys.some((key) => {
      const mac = createHmac('sha1', key).update(text).digest('base64url');
      return sameText(signature ?? '', `${mac}=`);
    });
  },

  read({ rest }: SplitUrl, settings: ReadingSettings): LegacyWish {
    const wish = noWish();
    const found = new Map<Part, RegExpExecArray>();
    let source = rest;
    for (const part of Object.keys(PARTS) as Part[]) {
      const [segment = ''] = /^[^/]*/.exec(source) ?? [];
      const match = PARTS[part].exec(segment);
      if (!match || segment.length === source.length) continue;
      found.set(part, match);
      source = source.slice(segment.length + 1);
    }
    const { filters, rest: image } = separateFilters(source);
    if (filters.length > MAX_FILTERS) throw malformed(`There are more than ${MAX_FILTERS} filters.`);
    readParts(wish, found, settings);
    for (const { name, args, text } of filters)
      readOption(THUMBOR_FILTERS, wish, name, args, { scheme: 'thumbor', text, settings });
    turned(wish);
    colouredCorners(wish);
    return { wish, source: decoded(image) };
  },
};

function readParts(wish: Wish, found: ReadonlyMap<Part, RegExpExecArray>, settings: ReadingSettings): void {
  const saying = (part: Part) => ({ scheme: 'thumbor' as const, text: found.get(part)?.[0] ?? part, settings });
  if (found.has('debug')) refuse(saying('debug'), 'the playground draws faces and crop');
  if (found.has('meta')) refuse(saying('meta'), 'the API tells the facts of a picture (POST /v1/images/meta)');
  const [, corner, tolerance = '0'] = found.get('trim') ?? [];
  if (corner === 'bottom-right') refuse(saying('trim'), 'all four edges are looked at');
  if (found.has('trim')) wish.trim = whole(tolerance, saying('trim'), 128);
  wish.said.set('trim', saying('trim').text);

  const [left = 0, top = 0, right = 0, bottom = 0] = (found.get('crop') ?? [])
    .slice(1)
    .map((text) => whole(text, saying('crop')));
  if (left || top || right || bottom) {
    if (right <= left || bottom <= top) refuse(saying('crop'), 'its right lower corner lies before its left upper one');
    wish.crop = { x: { px: left }, y: { px: top }, width: { px: right - left }, height: { px: bottom - top } };
  }
  const [, mirrored, w = '0', upended, h = '0'] = found.get('size') ?? [];
  if (w === 'orig' || h === 'orig') refuse(saying('size'), 'the size would depend on the original');
  const [width, height] = [whole(w, saying('size')), whole(h, saying('size'))];
  if (width > 0) wish.width = width;
  if (height > 0) wish.height = height;
  for (const field of ['width', 'height']) wish.said.set(field, saying('size').text);
  if (mirrored || upended) wish.flip = { horizontal: mirrored !== undefined, vertical: upended !== undefined };

  const [fitIn, adaptive, full] = found.get('fit') ?? [];
  if (adaptive) refuse(saying('fit'), 'the shape of the result would depend on the original');
  wish.fit = full ? 'outside' : fitIn ? 'inside' : 'cover';
  // Only fit-in leaves small originals as they are.
  if (!fitIn || full) wish.enlarge = true;

  const [, across = 'center'] = found.get('halign') ?? [];
  const [, down = 'middle'] = found.get('valign') ?? [];
  wish.gravity = found.has('smart') ? 'auto' : compassOf(across, down);
  wish.said.set('gravity', found.get('halign')?.[0] ?? found.get('valign')?.[0] ?? 'alignment');
}

function compassOf(across: string, down: string): string {
  const vertical = { top: 'north', middle: '', bottom: 'south' }[down] ?? '';
  const horizontal = { left: 'west', center: '', right: 'east' }[across] ?? '';
  return `${vertical}${horizontal}` || 'center';
}

/** Corners are transparent in all formats that can be, so a colour in them is a JPEG. */
function colouredCorners(wish: Wish): void {
  const { cornersIn: option, format = 'jpeg' } = wish;
  if (!option) return;
  if (format !== 'jpeg') refuse(option, `corners are transparent in ${format}: say so in its last value`);
  wish.format = format;
}

/** Thumbor turns what is finished, and counts against the clock. */
function turned(wish: Wish): void {
  if (wish.rotate === 90 || wish.rotate === 270) wish.rotate = wish.rotate === 90 ? 270 : 90;
  swapSides(wish);
}

function decoded(image: string): string {
  if (image === '') throw malformed('The URL of thumbor names no source.');
  try {
    return decodeURIComponent(image);
  } catch {
    throw malformed('The source is not validly percent-encoded UTF-8.');
  }
}
