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
  readonly animated?: boolean | undefined;
  readonly lossless?: boolean | string | undefined;
}
export type PresetShapes = Readonly<Record<string, PresetShape>>;
/** A recipe written into the URL, such as `w_300,h_300,fit_cover`. */
export type InlineRecipe = `${'w' | 'h'}_${string}` | `f_original${string}`;
export type PresetName<P extends PresetShapes> = (keyof P & string) | InlineRecipe;

export type ImageFormat = (typeof PINNABLE_FORMATS)[number];

export type InlineOptions = Readonly<Record<string, (text: string) => PresetShape>>;

/** A number such as `1p5`: a suffix would begin at a dot. */
export const decimal = (text: string) => text.replaceAll('p', '.');

/** The options of inline recipes on which it depends whether servers answer them. */
const INLINE_SIDES: InlineOptions = {
  w: (text) => ({ width: Number(text) }),
  h: (text) => ({ height: Number(text) }),
  fit: (fit) => ({ fit }),
  f: (format) => ({ format }),
  ar: (text) => ({ aspectRatio: decimal(text) }),
};

/**
 * The preset's shape. Throws a TypeError for a name that is neither declared nor an inline recipe, with the nearest name, and for a
 * recipe that every server refuses.
 */
export function shapeOf(presets: PresetShapes, preset: string, more?: InlineOptions): PresetShape {
  const declared = Object.hasOwn(presets, preset) ? presets[preset] : undefined;
  if (declared) return declared;
  const shape = inlineShape(preset, more);
  if (!shape) throw new TypeError(`There is no preset "${preset}"${alternatives(presets, preset)}`);
  if (RECIPE.test(preset) && isAnswered(shape)) return shape;
  throw new TypeError(`"${preset}" is no inline recipe: options such as w_300, each once, between commas.`);
}

/** Options between commas, none with a name that stands in one before. */
const RECIPE = /^(?!(?:.*,)?([a-z]+_).*,\1)[a-z]+_[\w:-]+(?:,[a-z]+_[\w:-]+)*$/;

/** What a recipe in a URL says of sizes; undefined for names. `more`: options that matter beside width, height, fit and format. */
export function inlineShape(text: string, more?: InlineOptions): PresetShape | undefined {
  if (!/(?:^|,)(?:[wh]_\d|f_original)/.test(text)) return undefined;
  const read = { ...INLINE_SIDES, ...more };
  const options = text.split(',').map((part) => {
    const [name = '', ...value] = part.split('_');
    return Object.hasOwn(read, name) ? read[name]?.(value.join('_')) : {};
  });
  return Object.assign({}, ...options);
}

/** Whether servers know what size and format this asks for. One side at least is known of every recipe, or it is the original's own. */
function isAnswered({ width, height, aspectRatio, fit = 'inside', format = 'auto' }: PresetShape): boolean {
  const sides = [width, height].filter((side) => side !== undefined);
  return (
    sides.every((side) => Number.isInteger(side) && side > 0) &&
    (/side$/.test(fit) || sides.length + (aspectRatio ? 1 : 0) > 1) &&
    /^(inside|outside|cover|contain|fill|pad)$/.test(fit) &&
    [...PINNABLE_FORMATS, 'auto', 'original'].includes(format)
  );
}

function alternatives(presets: PresetShapes, preset: string): string {
  const names = Object.keys(presets);
  if (/[@.]/.test(preset)) return ': size and format are options, and no part of the name.';
  const [near = ''] = [...names].sort((a, b) => distance(a, preset) - distance(b, preset));
  const meant = near && distance(near, preset) <= 1 + preset.length / 3 ? ` (did you mean "${near}"?)` : '';
  return `${meant}: ${names.join(', ') || 'none is declared'}.`;
}

/** Letters to change, add or leave out. */
function distance(from: string, to: string): number {
  const row = Array.from(`${to} `, (_, at) => at);
  for (const sign of from) {
    let corner = 1e9;
    row.forEach((above, at) => {
      row[at] = Math.min(above + 1, (row[at - 1] ?? above) + 1, corner + (to[at - 1] === sign ? 0 : 1));
      corner = above;
    });
  }
  return row.at(-1) ?? 0;
}
