import { MagickFormat } from '@imagemagick/magick-wasm';
import { readTiffHead, takeLook } from '../heads/tiff-head.ts';
import { magickDecoder } from './read.ts';

export const decode = magickDecoder(() => MagickFormat.Tiff, readTiffHead, takeLook);
