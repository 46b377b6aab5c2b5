import { decimal, type InlineOptions } from './shapes.ts';

const length = (text: string) => (text.endsWith('pc') ? `${decimal(text.slice(0, -2))}%` : Number(decimal(text)));
const lengths = (text: string) => text.split(':').map(length) as number[];

/** Options of inline recipes that sizes and sources depend on, and of which signers need to know nothing. */
export const INLINE_LAYOUT: InlineOptions = {
  rot: (text) => ({ rotate: Number(text) }),
  t: () => ({ trim: true }),
  a: () => ({ animated: true }),
  l: (text) => ({ lossless: Number(text) > 0 }),
  m: (text) => ({ margin: Number(decimal(text)) }),
  pad: (text) => ({ padding: text.includes(':') ? lengths(text) : Number(text) }),
  en: () => ({ enlarge: true }),
  ext: () => ({ extend: true }),
  crop: (text) => {
    const [x = 0, y = 0, width = 0, height = 0] = lengths(text);
    return { crop: { x, y, width, height } };
  },
};
