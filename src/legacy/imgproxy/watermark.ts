import { type OptionReader, refuse } from '../scheme.ts';
import { decimalIn, imageOverlay, inline } from '../values.ts';

const PLACES: Readonly<Record<string, string>> = {
  ...{ ce: 'center', no: 'north', so: 'south', ea: 'east', we: 'west' },
  ...{ noea: 'northeast', nowe: 'northwest', soea: 'southeast', sowe: 'southwest' },
};

/** `opacity:position:x:y:scale`. Which picture it is stood in imgproxy's settings, so it stands in ours. */
export const watermark: OptionReader = (wish, [opacity = '', position = '', x = '', y = '', scale = ''], option) => {
  const { watermark: asset } = option.settings;
  const shows = decimalIn(opacity, 0, 1, option);
  wish.overlays.length = 0;
  if (shows === 0) return;
  if (asset === undefined) refuse(option, 'DARKROOM_LEGACY_WATERMARK names no asset');
  const place = position === '' ? 'ce' : position;
  if (place !== 're' && !Object.hasOwn(PLACES, place)) refuse(option, 'expected a side, a corner, ce or re');
  const offsets = [x, y].map((text) => (text === '' ? 0 : decimalIn(text, -4096, 4096, option)));
  // Relative ones depend on the size of the result.
  if (offsets.some((offset) => offset !== 0 && Math.abs(offset) < 1)) refuse(option, 'its offsets are pixels');
  const [across = 0, down = 0] = offsets;
  const share = scale === '' ? 0 : decimalIn(scale, 0, 1, option);
  const at = place === 're' ? ':tile:1' : `:at:${PLACES[place]}`;
  const width = share === 0 ? '' : `:w:${inline(share * 100)}`;
  const text = imageOverlay(asset, `${at}${width}${shows === 1 ? '' : `:opacity:${inline(shows)}`}`);
  wish.overlays.push({ text, x: across, y: down });
  wish.said.set('overlays', option.text);
};
