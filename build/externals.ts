/** Packages that stay outside the bundle: native code, and libraries that need their WASM beside them. */
export const EXTERNAL = [
  'sharp',
  '@mediapipe/tasks-vision',
  'libheif-js',
  '@imagemagick/magick-wasm',
  '@resvg/resvg-wasm',
];
