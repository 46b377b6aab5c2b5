/** For image components of others, which ask for a width in pixels and know nothing of presets. */
import { type ImageFormat, type PresetShape, type PresetShapes, presetOf, url } from '@darkroom-images/url/client';

/** What a component asks for. `width`: pixels of the file. */
export interface Wanted {
  readonly width?: number | string | undefined;
  /** Such as `webp`; heeded where the preset declares it. */
  readonly format?: string | undefined;
}

/**
 * The smallest size of the signed URL's preset that is as wide as asked, else its largest; its own size where no width is asked.
 * `presets`: the server's presets file. Throws a TypeError for what is no signed URL, and for presets that are not there.
 */
export function closestUrl(signed: string, presets: PresetShapes, { width, format }: Wanted = {}): string {
  const shape = declared(signed, presets);
  const { widths = [], pixelRatios = [1, 2, 3], formats = ['avif', 'webp', 'jpeg'], format: own } = shape ?? {};
  const asked = Number(width) || 0;
  const fit = (sizes: readonly number[], pixels: (size: number) => number) => {
    const sorted = [...sizes].sort((a, b) => a - b);
    return sorted.find((size) => pixels(size) >= asked) ?? sorted.at(-1);
  };
  const base = shape?.width ?? shape?.height ?? asked;
  const size =
    asked === 0
      ? {}
      : widths.length > 0
        ? { width: fit(widths, (size) => size) }
        : { pixelRatio: fit(pixelRatios, (ratio) => ratio * base) };
  const named = format === 'jpg' ? 'jpeg' : format;
  const pinned = named !== own && formats.find((known) => known === named);
  return url(signed, shape, pinned ? { ...size, format: pinned as ImageFormat } : size);
}

/** The widths in pixels that the preset of a signed URL declares, smallest first; none where it goes by pixel ratios. */
export function widthsOf(signed: string, presets: PresetShapes): number[] {
  return [...(declared(signed, presets)?.widths ?? [])].sort((a, b) => a - b);
}

function declared(signed: string, presets: PresetShapes): PresetShape | undefined {
  const name = presetOf(signed);
  return Object.hasOwn(presets, name) ? presets[name] : undefined;
}
