export { default as Image } from './Image.astro';
export { default as Picture } from './Picture.astro';
