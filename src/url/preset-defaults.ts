/** The unsigned suffixes of a preset that declares none. Data only: server and signers share it. */
export const DEFAULT_PIXEL_RATIOS = [1, 2, 3] as const;
export const DEFAULT_FORMATS = ['avif', 'webp', 'jpeg'] as const;
export const PINNABLE_FORMATS = ['avif', 'webp', 'jpeg', 'png', 'jxl'] as const;

/**
 * AVIF takes more CPU and memory a pixel than WebP: above this size the server answers WebP, and an AVIF source of a
 * `<picture>` names the WebP.
 */
export const AVIF_MAX_PIXELS = 2_000_000;
