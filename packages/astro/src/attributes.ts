export { type ImageOptions, imageAttributes, pictureAttributes } from '../../shared/src/attributes.ts';
