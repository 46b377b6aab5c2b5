import { type OptionReader, refuse, type SaidOption, type Share } from '../scheme.ts';
import { decimalIn } from '../values.ts';

/**
 * imgproxy cuts a part of a given size at a gravity. Here a part has a place: known for fractions anywhere, and for pixels where the
 * gravity names a corner or the side that they are counted from.
 */
export const crop: OptionReader = (wish, [w = '', h = '0', type = '', ...offsets], option) => {
  const place =
    type === '' ? placeOf(wish.said.get('gravity')?.split(':').slice(1) ?? []) : placeOf([type, ...offsets]);
  const [across, down] = [sizeOf(w, option), sizeOf(h, option)];
  const x = startOf(across, place.across, place.x, option);
  const y = startOf(down, place.down, place.y, option);
  wish.said.set('crop', option.text);
  if (isWhole(across) && isWhole(down)) delete wish.crop;
  else wish.crop = { x, y, width: across, height: down };
};

type Anchor = 'start' | 'middle' | 'end' | 'point' | 'sought';

interface Place {
  readonly across: Anchor;
  readonly down: Anchor;
  readonly x: string;
  readonly y: string;
}

/** 0 is all of it; below 1 a fraction. */
function sizeOf(text: string, option: SaidOption): Share {
  const value = decimalIn(text, 0, 100_000, option);
  if (value >= 1) return { px: Math.trunc(value) };
  return { fraction: value === 0 ? 1 : value };
}

const isWhole = (share: Share) => 'fraction' in share && share.fraction === 1;

function placeOf([type = 'ce', x = '0', y = '0']: readonly string[]): Place {
  if (type === 'fp') return { across: 'point', down: 'point', x, y };
  if (!/^(ce|no|so|ea|we|noea|nowe|soea|sowe)$/.test(type)) return { across: 'sought', down: 'sought', x, y };
  const across = type.endsWith('we') ? 'start' : type.endsWith('ea') ? 'end' : 'middle';
  const down = type.startsWith('no') ? 'start' : type.startsWith('so') ? 'end' : 'middle';
  return { across, down, x: x || '0', y: y || '0' };
}

function startOf(size: Share, anchor: Anchor, text: string, option: SaidOption): Share {
  if (isWhole(size)) return { fraction: 0 };
  const offset = decimalIn(text, -100_000, 100_000, option);
  if (anchor === 'start' && offset >= 0) return offset >= 1 ? { px: Math.trunc(offset) } : { fraction: offset };
  if ('px' in size || anchor === 'sought' || Math.abs(offset) > 1)
    return refuse(option, 'where this part lies depends on the original: say it in fractions, or from nowe');
  const { fraction } = size;
  const free = 1 - fraction;
  const from = { middle: free / 2 + offset, end: free - offset, point: offset - fraction / 2, start: offset }[anchor];
  return { fraction: Math.min(free, Math.max(0, from)) };
}
