import { DecodeError, type FileHeader } from '../decoder.ts';

/** As far as a file is read for its first element: prologue, comments and a document type may stand in front. */
const PROLOGUE_BYTES = 64 * 1024;
/** `<`, white space, and the first byte of a mark of UTF-8. */
const FIRST_BYTES = new Set([0x3c, 0x20, 0x09, 0x0a, 0x0d, 0xef]);
/** Icons and logos take a few KiB; maps and traced photos may take minutes to draw. */
const MAX_BYTES = 8 * 1024 * 1024;
/** CSS pixels of each unit: https://www.w3.org/TR/css-values-3/#absolute-lengths; `em` of 12 px, as resvg has it. */
const UNITS: Readonly<Record<string, number>> = {
  ...{ '': 1, px: 1, in: 96, cm: 96 / 2.54, mm: 96 / 25.4, pt: 96 / 72, pc: 16, em: 12, ex: 6 },
};

/** Whether a text is an SVG: its first element decides. */
export function isSvg(file: Buffer): boolean {
  // Most files are no text: their first byte tells.
  return FIRST_BYTES.has(file[0] ?? 0) && rootTag(file) !== undefined;
}

/** Throws a `DecodeError` for what would be drawn wrong or not at all. */
export function readSvgHead(file: Buffer): FileHeader {
  if (file.length > MAX_BYTES) throw new DecodeError('too_large', `an SVG of more than ${MAX_BYTES} bytes`);
  const root = rootTag(file) ?? '';
  const box =
    attribute(root, 'viewBox')
      ?.trim()
      .split(/[\s,]+/)
      .map(Number) ?? [];
  const [, , boxWidth = Number.NaN, boxHeight = Number.NaN] = box;
  const [width, height] = [
    pixelsOf(attribute(root, 'width'), boxWidth),
    pixelsOf(attribute(root, 'height'), boxHeight),
  ];
  const size = { width: Math.ceil(width), height: Math.ceil(height) };
  if (!(size.width > 0 && size.height > 0)) throw new DecodeError('unsupported', 'an SVG without a size');
  if (!Number.isFinite(width * height)) throw new DecodeError('too_large', 'an SVG without bounds');
  if (/<(?:[a-z]+:)?text[\s>]/i.test(file.toString('latin1')))
    throw new DecodeError('unsupported', 'an SVG with text, for which no font is at hand: convert text to paths');
  return { ...size, hasAlpha: true, hasProfile: false };
}

function rootTag(file: Buffer): string | undefined {
  const text = file.toString('utf8', 0, PROLOGUE_BYTES).replace(/^\ufeff/, '');
  if (!/^\s*</.test(text)) return undefined;
  const first = text
    .replace(/<\?[\s\S]*?\?>|<!--[\s\S]*?-->/g, '')
    .replace(/<!DOCTYPE[^[>]*(?:\[[\s\S]*?\]\s*)?>/i, '');
  return /^\s*<(?:[a-z]+:)?svg(?:\s(?:"[^"]*"|'[^']*'|[^>"'])*)?>/i.exec(first)?.[0];
}

function attribute(tag: string, name: string): string | undefined {
  const found = new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`).exec(tag);
  return found?.[1] ?? found?.[2];
}

/** Without a length, or as a share, it is that of the view box. */
function pixelsOf(length: string | undefined, whole: number): number {
  const [, number = '100', unit = '%'] =
    /^\s*([-+]?[\d.]+(?:e[-+]?\d+)?)\s*([a-z]*|%)\s*$/i.exec(length ?? '100%') ?? [];
  if (unit === '%') return (Number(number) / 100) * whole;
  return Number(number) * (UNITS[unit.toLowerCase()] ?? Number.NaN);
}
