import { MagickFormat } from '@imagemagick/magick-wasm';
import type { Decode } from '../decoder.ts';
import { endLastBox, readJxlHead } from '../heads/jxl-head.ts';
import { magickDecoder } from './read.ts';

const read = magickDecoder(() => MagickFormat.Jxl, readJxlHead);

export const decode: Decode = (file, wanted, open) => {
  endLastBox(Buffer.from(file.buffer, file.byteOffset, file.byteLength));
  return read(file, wanted, open);
};
