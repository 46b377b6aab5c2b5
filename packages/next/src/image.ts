/**
 * Pictures in Next.js, in the app router and in pages: `import { Image, Picture } from '@darkroom-images/next'`. They write the preset's
 * own sizes, need no configuration, and run in server components, where they send no code to the browser.
 */
export { Image, type ImageMeta, type ImageProps, Picture, type PresetShape } from '@darkroom-images/react';
