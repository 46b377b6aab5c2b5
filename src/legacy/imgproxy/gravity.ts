import { type OptionReader, refuse, type SaidOption } from '../scheme.ts';
import { bool, decimalIn, inline } from '../values.ts';

const COMPASS = {
  ...({ no: 'north', so: 'south', ea: 'east', we: 'west', ce: 'center' } as const),
  ...({ noea: 'northeast', nowe: 'northwest', soea: 'southeast', sowe: 'southwest' } as const),
};

/** The name of a place without an offset; undefined for the middle. */
export function compassName(place: string, offsets: readonly string[], option: SaidOption): string | undefined {
  if (!Object.hasOwn(COMPASS, place)) refuse(option, `expected one of ${Object.keys(COMPASS).join(', ')}`);
  if (offsets.some((offset) => Number(offset) !== 0)) refuse(option, 'no place has an offset');
  const name = COMPASS[place as keyof typeof COMPASS];
  return name === 'center' ? undefined : name;
}

export const gravity: OptionReader = (wish, [type = '', ...more], option) => {
  wish.said.set('gravity', option.text);
  wish.gravity = gravityName(type, more, option);
};

function gravityName(type: string, more: readonly string[], option: SaidOption): string {
  if (type === 'sm') return 'attention';
  if (type === 'fp') {
    const [x = '', y = '', ...rest] = more;
    if (rest.length > 0) refuse(option, 'expected two fractions');
    return [x, y].map((text) => inline(decimalIn(text, 0, 1, option))).join(':');
  }
  if (type === 'obj' || type === 'objw') {
    if (type === 'obj' && more.length === 1 && more[0] === 'face') return 'faces';
    refuse(option, 'faces are the only objects that are looked for: write obj:face');
  }
  return compassName(type, more, option) ?? 'center';
}

/** A canvas of the whole size around a picture that is smaller. */
export const extend: OptionReader = (wish, [on = '', place = 'ce', ...offsets], option) => {
  wish.said.set('extend', option.text);
  wish.extend = bool(on, option);
  const at = compassName(place === '' ? 'ce' : place, offsets, option);
  if (at) wish.canvasGravity = at;
  else delete wish.canvasGravity;
};
