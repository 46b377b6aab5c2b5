import { MagickFormat } from '@imagemagick/magick-wasm';
import { readJxlHead } from '../heads/jxl-head.ts';
import { magickDecoder } from './read.ts';

export const decode = magickDecoder(() => MagickFormat.Jxl, readJxlHead);
