import { refuse, type SaidOption, type Share } from './scheme.ts';

/** Readers of single values. What they refuse is named with its option. */

/** Never more than six digits, so nothing is allocated or computed by a stranger's number. */
const WHOLE = /^\d{1,6}$/;

/** A whole number from 0 on. The presets' own limits are lower. */
export function whole(text: string, option: SaidOption, most = 999_999): number {
  const value = WHOLE.test(text) ? Number(text) : Number.NaN;
  if (!(value <= most)) refuse(option, `expected a whole number from 0 to ${most}`);
  return value;
}

/** A decimal number between two bounds. */
export function decimalIn(text: string, least: number, most: number, option: SaidOption): number {
  const value = /^[+-]?(\d{1,6}(\.\d{0,6})?|\.\d{1,6})$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) refuse(option, `expected a number from ${least} to ${most}`);
  return value;
}

/** Go's words for true and false. */
export function bool(text: string, option: SaidOption): boolean {
  if (/^(1|t|true|T|TRUE|True)$/.test(text)) return true;
  if (/^(0|f|false|F|FALSE|False|)$/.test(text)) return false;
  return refuse(option, 'expected 1 or 0');
}

/** `rrggbb` in small letters, from three or six digits. */
export function hexColour(text: string, option: SaidOption): string {
  const [digits] = /^([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(text) ?? [];
  if (digits === undefined) return refuse(option, 'expected a colour of three or six hex digits');
  const all = digits.length === 3 ? digits.replace(/./g, '$&$&') : digits;
  return all.toLowerCase();
}

/** The names of CSS that shops use (https://www.w3.org/TR/css-color-4/#named-colors); all others are written in hex. */
const NAMED: Readonly<Record<string, string>> = {
  ...{ white: 'ffffff', black: '000000', red: 'ff0000', green: '008000', blue: '0000ff', yellow: 'ffff00' },
  ...{ gray: '808080', grey: '808080', silver: 'c0c0c0', lightgray: 'd3d3d3', lightgrey: 'd3d3d3' },
  ...{ whitesmoke: 'f5f5f5', orange: 'ffa500', navy: '000080', beige: 'f5f5dc', ivory: 'fffff0' },
};

export function anyColour(text: string, option: SaidOption): string {
  return (Object.hasOwn(NAMED, text) && NAMED[text]) || hexColour(text, option);
}

/** `1p5`: a number as inline recipes write it, with at most four decimals. */
export function inline(value: number): string {
  return String(Number(value.toFixed(4))).replace('.', 'p');
}

/** `12p5pc` for a fraction, else pixels; 0 of either is `0`. */
export function inlineShare(share: Share): string {
  if ('fraction' in share && share.fraction === 0) return '0';
  return 'px' in share ? String(Math.round(share.px)) : `${inline(share.fraction * 100)}pc`;
}

const FORMATS: Readonly<Record<string, 'jpeg' | 'png' | 'webp' | 'avif' | 'jxl'>> = {
  ...{ jpg: 'jpeg', jpeg: 'jpeg', jpe: 'jpeg', png: 'png', webp: 'webp', avif: 'avif', jxl: 'jxl' },
};

export function formatOf(text: string, option: SaidOption): 'jpeg' | 'png' | 'webp' | 'avif' | 'jxl' {
  const name = text.toLowerCase();
  return (
    (Object.hasOwn(FORMATS, name) && FORMATS[name]) ||
    refuse(option, `the formats that are made are jpeg, png, webp, avif and jxl`)
  );
}

/** Undefined for what is no picture's extension. */
export function knownExtension(text: string): string | undefined {
  return /^(jpe?g|jpe|png|webp|avif|jxl|gif|svg|ico|bmp|tiff?|heic|heif|jp2|pdf|mp4|psd)$/i.exec(text)?.[0];
}

/** Degrees clockwise as a quarter turn; undefined for none. */
export function quarterTurn(degrees: number, option: SaidOption): 90 | 180 | 270 | undefined {
  const turn = ((degrees % 360) + 360) % 360;
  if (turn === 0) return undefined;
  if (turn === 90 || turn === 180 || turn === 270) return turn;
  return refuse(option, 'pictures are turned by quarters only, because others would get empty corners');
}

/** An overlay of an asset as inline recipes write it. `name`: of the asset. */
export function imageOverlay(name: string, more: string): string {
  return `image:${Buffer.from(name).toString('base64url')}${more}`;
}

/** Proxies make one slash of two, in an address too; no path of an original has a part that ends so. */
export function withSlashes(path: string): string {
  return path.replace(/((?:^|\/)https?):\/(?!\/)/gi, '$1://');
}
