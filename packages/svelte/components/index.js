export { default as Image } from './Image.svelte';
export { default as Picture } from './Picture.svelte';
