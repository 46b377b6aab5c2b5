/** Chooses the format of an answer from the presets file and the Accept header, as the server does. */

export interface EdgePreset {
  readonly width?: number;
  readonly height?: number;
  readonly format?: string;
  readonly animated?: boolean;
  readonly widths?: readonly number[];
  readonly pixelRatios?: readonly number[];
  readonly formats?: readonly string[];
}
export type EdgePresets = Readonly<Record<string, EdgePreset>>;

export interface Pinned {
  /** Suffix of the preset's name in the URL for origin and cache. */
  readonly suffix: string;
  /** Whether Accept chose the format, so that the answer varies. */
  readonly negotiated: boolean;
  /** The URL's own suffix was another spelling of `suffix`: the answer is a 301. */
  readonly moved: boolean;
}

/** Above this size the server answers WebP in place of AVIF. */
const AVIF_MAX_PIXELS = 2_000_000;

/**
 * `not_offered` for a suffix that a known preset does not declare; undefined for presets that the worker does not know,
 * which the server answers. The base format has no suffix, because only the server knows whether it is a JPEG or a PNG.
 */
export function pin(
  presets: EdgePresets,
  name: string,
  suffix: string,
  accept: string,
): Pinned | 'not_offered' | undefined {
  const preset = Object.hasOwn(presets, name) ? presets[name] : inlineRecipe(name);
  if (!preset) return undefined;
  const [matched, ratio, width, format] = /^(?:@(\d+(?:\.\d+)?)x|@(\d+)w)?(?:\.([a-z]+))?$/.exec(suffix) ?? [];
  const { format: own = 'auto', widths = [], pixelRatios = [1, 2, 3], formats = ['avif', 'webp', 'jpeg'] } = preset;
  const offered =
    matched !== undefined &&
    (ratio === undefined || (pixelRatios.includes(Number(ratio)) && String(Number(ratio)) === ratio)) &&
    (width === undefined || (widths.includes(Number(width)) && String(Number(width)) === width)) &&
    (format === undefined || (format === own && own !== 'auto') || formats.includes(format));
  if (!offered) return 'not_offered';
  const size = width !== undefined ? `@${width}w` : ratio === undefined || ratio === '1' ? '' : `@${ratio}x`;
  const canonical = format === undefined || format === own ? size : `${size}.${format}`;
  const negotiated = format === undefined && own === 'auto';
  if (canonical !== suffix || !negotiated) return { suffix: canonical, negotiated, moved: canonical !== suffix };

  const accepted = new Set(accept.toLowerCase().split(',').filter(wanted).map(typeOf));
  const small = pixels(preset, Number(ratio ?? 1), width && Number(width)) <= AVIF_MAX_PIXELS;
  const candidates = preset.animated ? ['webp'] : small ? ['avif', 'webp'] : ['webp'];
  const chosen = candidates.find((candidate) => formats.includes(candidate) && accepted.has(`image/${candidate}`));
  return { suffix: chosen ? `${suffix}.${chosen}` : suffix, negotiated, moved: false };
}

const typeOf = (range: string) => range.split(';', 1)[0]?.trim() ?? '';
/** A weight of 0 means "not acceptable" (RFC 9110, 12.4.2). */
const wanted = (range: string) => !/;\s*q=0(\.0{0,3})?\s*(;|$)/.test(range);

/** Pixels of the preset's size, rounded as on the server. */
function pixels({ width, height }: EdgePreset, ratio: number, wide: number | '' | undefined): number {
  const scaled = (side: number | undefined) => side && Math.max(1, Math.round(side * ratio));
  const across = wide || scaled(width);
  const down = wide ? width && height && Math.max(1, Math.round((height * wide) / width)) : scaled(height);
  return (across || down || 0) * (down || across || 0);
}

/** The fields of `w_300,h_300,f_webp` that decide about formats. The server checks the rest. */
function inlineRecipe(name: string): EdgePreset | undefined {
  const fields = new Map(
    name.split(',').map((part) => [part.slice(0, part.indexOf('_')), part.slice(part.indexOf('_') + 1)]),
  );
  if (!/^[a-z]+_/.test(name) || !(fields.has('w') || fields.has('h'))) return undefined;
  const side = (field: string) =>
    fields.has(field) ? { [field === 'w' ? 'width' : 'height']: Number(fields.get(field)) } : {};
  return { ...side('w'), ...side('h'), format: fields.get('f') ?? 'auto', animated: fields.get('a') === '1' };
}
