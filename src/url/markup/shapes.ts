import { PINNABLE_FORMATS } from '../preset-defaults.ts';

/** Pixels, or percent of the original such as `12.5%`. */
type Length = number | string;

/** The fields of a preset that URLs and markup depend on; a presets file has these and more. Sizes in pixels. */
export interface PresetShape {
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  /** Such as `3:2`: the side that is left out. */
  readonly aspectRatio?: string | undefined;
  readonly fit?: string | undefined;
  readonly format?: string | undefined;
  readonly widths?: readonly number[] | undefined;
  readonly pixelRatios?: readonly number[] | undefined;
  readonly formats?: readonly string[] | undefined;
  /** Of the upright original. */
  readonly crop?:
    | { readonly x?: Length; readonly y?: Length; readonly width: Length; readonly height: Length }
    | undefined;
  readonly rotate?: number | undefined;
  readonly trim?: unknown;
  /** Percent of the rendition on each side. */
  readonly margin?: number | undefined;
  /** On each side, or at the top, right, bottom and left. */
  readonly padding?: number | readonly number[] | undefined;
  readonly enlarge?: boolean | undefined;
  readonly extend?: boolean | undefined;
}
export type PresetShapes = Readonly<Record<string, PresetShape>>;
/** A recipe written into the URL, such as `w_300,h_300,fit_cover`. */
export type InlineRecipe = `${'w' | 'h'}_${string}` | `f_original${string}`;
export type PresetName<P extends PresetShapes> = (keyof P & string) | InlineRecipe;

export type ImageFormat = (typeof PINNABLE_FORMATS)[number];

/** A number such as `1p5`: a suffix would begin at a dot. */
const decimal = (text: string) => text.replaceAll('p', '.');
const length = (text: string) => (text.endsWith('pc') ? `${decimal(text.slice(0, -2))}%` : Number(decimal(text)));
const lengths = (text: string) => text.split(':').map(length) as number[];

/** The options of inline recipes that sizes depend on. */
const INLINE: Readonly<Record<string, (text: string) => PresetShape>> = {
  w: (text) => ({ width: Number(text) }),
  h: (text) => ({ height: Number(text) }),
  fit: (fit) => ({ fit }),
  f: (format) => ({ format }),
  ar: (text) => ({ aspectRatio: decimal(text) }),
  rot: (text) => ({ rotate: Number(text) }),
  t: () => ({ trim: true }),
  m: (text) => ({ margin: Number(decimal(text)) }),
  pad: (text) => ({ padding: text.includes(':') ? lengths(text) : Number(text) }),
  en: () => ({ enlarge: true }),
  ext: () => ({ extend: true }),
  crop: (text) => {
    const [x = 0, y = 0, width = 0, height = 0] = lengths(text);
    return { crop: { x, y, width, height } };
  },
};

/**
 * The preset's shape. Throws a TypeError for a name that is neither declared nor an inline recipe, with the nearest name, and for a
 * recipe that every server refuses.
 */
export function shapeOf(presets: PresetShapes, preset: string): PresetShape {
  const declared = Object.hasOwn(presets, preset) ? presets[preset] : undefined;
  if (declared) return declared;
  if (!/(?:^|,)(?:[wh]_\d|f_original)/.test(preset))
    throw new TypeError(`There is no preset "${preset}"${alternatives(presets, preset)}`);
  const shape = inlineShape(preset);
  if (shape) return shape;
  throw new TypeError(`"${preset}" is no inline recipe: options such as w_300, each once, between commas.`);
}

/** What a recipe in a URL says of sizes; undefined for text that is none. */
export function inlineShape(text: string): PresetShape | undefined {
  const shape: Record<string, unknown> = {};
  const seen = new Set<string>();
  for (const part of text.split(',')) {
    const [, name = '', value = ''] = /^([a-z]+)_([A-Za-z0-9:_-]+)$/.exec(part) ?? [];
    if (name === '' || seen.has(name)) return undefined;
    seen.add(name);
    if (Object.hasOwn(INLINE, name)) Object.assign(shape, INLINE[name]?.(value));
  }
  const { width, height, aspectRatio, fit = 'inside', format = 'auto' }: PresetShape = shape;
  const free = fit === 'inside' || fit === 'outside';
  const sided = [width, height].every((side) => side === undefined || (Number.isInteger(side) && side > 0));
  if (!sided || !(width ?? height ?? format === 'original') || !(free || aspectRatio || (width && height)))
    return undefined;
  if (!free && !/^(cover|contain|fill|pad)$/.test(fit)) return undefined;
  return [...PINNABLE_FORMATS, 'auto', 'original'].includes(format) ? shape : undefined;
}

function alternatives(presets: PresetShapes, preset: string): string {
  const names = Object.keys(presets);
  if (/[@.]/.test(preset)) return ': size and format are options, and no part of the name.';
  const [near] = names.map((name) => ({ name, by: distance(name, preset) })).sort((a, b) => a.by - b.by);
  const meant = near && near.by <= 1 + preset.length / 3 ? ` (did you mean "${near.name}"?)` : '';
  return `${meant}: ${names.join(', ') || 'none is declared'}.`;
}

/** Letters to change, add or leave out. */
function distance(from: string, to: string): number {
  let row = [...to, ''].map((_, at) => at);
  for (const sign of from)
    row = row.reduce<number[]>((next, above, at) => {
      const before = next[at - 1] ?? 0;
      next.push(
        at === 0 ? above + 1 : Math.min(above + 1, before + 1, (row[at - 1] ?? 0) + (to[at - 1] === sign ? 0 : 1)),
      );
      return next;
    }, []);
  return row.at(-1) ?? 0;
}
