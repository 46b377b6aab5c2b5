import { MagickFormat } from '@imagemagick/magick-wasm';
import { readJp2Head } from '../heads/jp2-head.ts';
import { magickDecoder } from './read.ts';

/** The boxes of a file, or the bare codestream (ISO/IEC 15444-1, A.4 and I.5). */
export const decode = magickDecoder((file) => (file[0] === 0xff ? MagickFormat.J2k : MagickFormat.Jp2), readJp2Head);
