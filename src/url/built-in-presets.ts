/** The presets of a server without a presets file. Sizes in pixels. Data only: storefronts bundle it. */
export const BUILT_IN_PRESETS = {
  thumb: { width: 150, height: 150, fit: 'cover', format: 'webp', quality: 75 },
  small: { width: 300, height: 300, fit: 'inside', format: 'webp', quality: 80 },
  medium: { width: 600, height: 600, fit: 'inside', format: 'webp', quality: 80 },
  large: { width: 1200, height: 1200, fit: 'inside', format: 'webp', quality: 85 },
  retina: { width: 2400, height: 2400, fit: 'inside', format: 'webp', quality: 80 },
  og: { width: 1200, height: 630, fit: 'cover', format: 'jpeg', quality: 85 },
  'avatar-small': { width: 48, height: 48, fit: 'cover', format: 'webp', quality: 80, faceZoom: 3 },
  'avatar-medium': { width: 128, height: 128, fit: 'cover', format: 'webp', quality: 85, faceZoom: 3 },
  'avatar-large': { width: 256, height: 256, fit: 'cover', format: 'webp', quality: 85, faceZoom: 3 },
} as const;
