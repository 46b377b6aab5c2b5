import { LegacyRefusal, type SchemeName, type Wish } from './scheme.ts';
import { inline, inlineShare } from './values.ts';

/** More than any rendition has along one side: a picture at its own size, because nothing is enlarged. */
export const OWN_SIZE_PX = 8192;
/** The longest side for which a quality is searched; above, `auto` is the default quality. */
const MOST_SEARCHED_PX = 3000;
/** What presets do where they say nothing: left out, so that one recipe has one spelling. */
const DEFAULT_QUALITY = 80;

/**
 * A wish as an inline recipe, in one spelling: two URLs that ask for the same share one rendition. Formats that the old server left to
 * the original are `auto`, which comes to JPEG or PNG where nothing is negotiated.
 */
export function recipeText(wish: Wish): string {
  const { width, height, padding, ratio, fit } = wish;
  const [top, right, bottom, left] = (padding ?? [0, 0, 0, 0]).map((side) => Math.round(side * ratio));
  const scaled = (length: number | undefined, around: number) =>
    length === undefined ? undefined : Math.max(1, Math.round(length * ratio)) + around;
  const bare = width === undefined && height === undefined;
  const [w, h] = bare
    ? [OWN_SIZE_PX, OWN_SIZE_PX]
    : [scaled(width, (left ?? 0) + (right ?? 0)), scaled(height, (top ?? 0) + (bottom ?? 0))];
  const partly = w === undefined || h === undefined || bare;
  const backdrop = wish.background === 'blur' || wish.background === 'auto';
  const framed = fit === 'contain' && backdrop ? 'pad' : fit;
  const shown = partly && framed !== 'outside' ? 'inside' : framed;
  const padded = [top, right, bottom, left].some((side) => side) ? [top, right, bottom, left].join(':') : undefined;
  const gravity = shown === 'cover' ? (wish.gravity ?? 'center') : wish.canvasGravity;
  // A search encodes several times, which a large picture has no time for.
  const searches = wish.quality === 'auto' && Math.max(w ?? 0, h ?? 0) <= MOST_SEARCHED_PX;
  const quality = wish.format === 'png' || (wish.quality === 'auto' && !searches) ? undefined : wish.quality;
  const parts: [string, string | number | undefined][] = [
    ['w', w],
    ['h', h],
    ['fit', shown === 'inside' ? undefined : shown],
    ['g', gravity === 'auto' ? undefined : gravity],
    ['z', shown === 'cover' && wish.faceZoom ? inline(wish.faceZoom) : undefined],
    ['f', wish.format === undefined || wish.format === 'auto' ? undefined : wish.format],
    ['q', quality === DEFAULT_QUALITY ? undefined : quality],
    ['qs', qualitiesText(wish.qualities)],
    ['bg', wish.background],
    ['crop', cropText(wish.crop)],
    ['t', wish.trim],
    ['rot', wish.rotate],
    ['flip', flipText(wish.flip)],
    ['en', wish.enlarge && !bare ? 1 : undefined],
    ['ext', wish.extend && !wish.enlarge && !partly ? 1 : undefined],
    ['pad', padded],
    ...[...wish.more].filter(([name]) => name !== 'ssim' || searches).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    ['o', wish.overlays.length > 0 ? wish.overlays.map((each) => overlayText(each, ratio)).join('::') : undefined],
  ];
  return parts.flatMap(([name, value]) => (value === undefined ? [] : [`${name}_${value}`])).join(',');
}

/** Throws a LegacyRefusal for wishes that name no part of the picture in the same way as here. */
export function refuseTurnedGravity(wish: Wish, scheme: SchemeName): void {
  const centred = wish.fit !== 'cover' || !wish.gravity || /^(center|auto|faces|attention|entropy)$/.test(wish.gravity);
  if (centred || (!wish.rotate && !wish.flip)) return;
  const option = wish.said.get('gravity') ?? 'gravity';
  const message = `${scheme}'s ${option} is not served here beside a turn or a flip: the side would be another one`;
  throw new LegacyRefusal('unknown_option', message);
}

/** Of a server that turns what is finished: here a size is that of the turned picture. */
export function swapSides(wish: Wish): void {
  const { width, height, rotate } = wish;
  if (rotate !== 90 && rotate !== 270) return;
  delete wish.width;
  delete wish.height;
  if (height !== undefined) wish.width = height;
  if (width !== undefined) wish.height = width;
}

function qualitiesText(qualities: Wish['qualities'] = {}): string | undefined {
  const { avif, webp, jpeg } = qualities;
  const letters = Object.entries({ a: avif, w: webp, j: jpeg });
  const said = letters.flatMap(([letter, value]) => (value === undefined ? [] : [`${letter}${value}`]));
  return said.length > 0 ? said.join(':') : undefined;
}

function cropText(crop: Wish['crop']): string | undefined {
  return crop && [crop.x, crop.y, crop.width, crop.height].map(inlineShare).join(':');
}

function flipText({ horizontal, vertical }: NonNullable<Wish['flip']> = { horizontal: false, vertical: false }) {
  return `${horizontal ? 'h' : ''}${vertical ? 'v' : ''}` || undefined;
}

function overlayText({ text, x, y }: Wish['overlays'][number], ratio: number): string {
  const [across, down] = [Math.round(x * ratio), Math.round(y * ratio)];
  return `${text}${across ? `:x:${across}` : ''}${down ? `:y:${down}` : ''}`;
}
