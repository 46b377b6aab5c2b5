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
  // Enlarged up to its size, what is extended to it is a frame of that size.
  const whole = fit === 'inside' && wish.extend && wish.enlarge ? 'contain' : fit;
  const framed = whole === 'contain' && backdrop ? 'pad' : whole;
  const shown = partly && framed !== 'outside' ? 'inside' : framed;
  const padded = [top, right, bottom, left].some((side) => side) ? [top, right, bottom, left].join(':') : undefined;
  const extended = wish.extend === true && !wish.enlarge && !partly;
  const onCanvas = extended || shown === 'contain' || shown === 'pad' ? wish.canvasGravity : undefined;
  const gravity = shown === 'cover' ? (wish.gravity ?? 'center') : onCanvas;
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
    ['ext', extended ? 1 : undefined],
    ['pad', padded],
    ...[...wish.more].filter(([name]) => name !== 'ssim' || searches).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    ['o', wish.overlays.length > 0 ? wish.overlays.map((each) => overlayText(each, ratio)).join('::') : undefined],
  ];
  return parts.flatMap(([name, value]) => (value === undefined ? [] : [`${name}_${value}`])).join(',');
}

const BY_CONTENT = /^(auto|faces|attention|entropy)$/;

/** Throws a LegacyRefusal for gravities that would name another part of the picture here, or another place for it. */
export function refuseOtherGravity(wish: Wish, scheme: SchemeName): void {
  const { fit, gravity = 'center', canvasGravity = 'center' } = wish;
  if (fit !== 'cover') return;
  const named = !BY_CONTENT.test(gravity);
  const refused = (reason: string) =>
    new LegacyRefusal(
      'unknown_option',
      `${scheme}'s ${wish.said.get('gravity') ?? 'gravity'} is not served here ${reason}`,
    );
  if (named && gravity !== 'center' && (wish.rotate || wish.flip))
    throw refused('beside a turn or a flip: the side would be another one');
  if (wish.extend && !wish.enlarge && canvasGravity !== (named ? gravity : 'center'))
    throw refused('beside extend: one gravity is for both');
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
