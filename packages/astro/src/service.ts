/**
 * An image service, for pages that keep Astro's own `<Image>` and `<Picture>`, in `astro.config.mjs`:
 *
 *     image: { service: { entrypoint: '@darkroom-images/astro/service', config: { presets } } }
 *
 * `presets` is the server's presets file, `src` a signed URL.
 */
import type { PresetShapes } from '@darkroom-images/url/client';
import { closestUrl, widthsOf } from '../../shared/src/closest.ts';

/** What Astro asks a service for. `width` and `widths`: pixels of the file. */
export interface Transform {
  readonly src: unknown;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly format?: string | undefined;
  readonly widths?: readonly number[] | undefined;
  readonly densities?: readonly (number | string)[] | undefined;
  readonly [attribute: string]: unknown;
}
export interface SrcSetValue<T> {
  readonly transform: T;
  readonly descriptor: string;
}
interface Config {
  readonly service: { readonly config: { readonly presets?: PresetShapes } };
}

/** Of what the service itself reads; all else goes on the `<img>`. */
const OWN = ['src', 'format', 'quality', 'widths', 'densities', 'formats', 'layout', 'priority', 'fit', 'position'];

const presetsOf = ({ service }: Config) => service.config.presets ?? {};

export default {
  /** Throws a TypeError for what is no signed URL, and for presets that are not in the service's config. */
  getURL: ({ src, width, format }: Transform, config: Config): string =>
    closestUrl(signed(src), presetsOf(config), { width, format }),

  /** By the widths or densities of the component, else by the preset's own widths. */
  getSrcSet<T extends Transform>(transform: T, config: Config): SrcSetValue<T>[] {
    const { src, width, widths, densities } = transform;
    const sized = (pixels: number, descriptor: string) => ({ transform: { ...transform, width: pixels }, descriptor });
    if (densities) {
      const ratios = densities.map((density) => Number.parseFloat(String(density)));
      return ratios.map((by) => sized((width ?? 0) * by, `${by}x`));
    }
    return (widths ?? widthsOf(signed(src), presetsOf(config))).map((pixels) => sized(pixels, `${pixels}w`));
  },

  getHTMLAttributes(transform: Transform, config: Config): Record<string, unknown> {
    const { densities, widths, width } = transform;
    const attributes = Object.fromEntries(Object.entries(transform).filter(([name]) => !OWN.includes(name)));
    const byWidth = !densities && (widths ?? widthsOf(signed(transform.src), presetsOf(config))).length > 0;
    const sizes = byWidth && width ? { sizes: `(min-width: ${width}px) ${width}px, 100vw` } : {};
    return { loading: 'lazy', decoding: 'async', ...sizes, ...attributes };
  },
};

function signed(src: unknown): string {
  if (typeof src === 'string') return src;
  throw new TypeError('@darkroom-images/astro: src must be a signed URL; imported files need another image service.');
}
