import { refuse, type SaidOption, type Share, type Wish } from '../scheme.ts';
import { decimalIn, whole } from '../values.ts';

/** The parameters of one part of the path, by name. */
export interface Component {
  readonly said: Map<string, SaidOption & { readonly value: string }>;
}

type Mode = Pick<Wish, 'fit' | 'enlarge' | 'extend' | 'faceZoom'>;

/**
 * Cloudinary's crop modes (https://cloudinary.com/documentation/transformation_reference#c_crop_resize). Those without an equal have
 * the reason.
 */
const MODES: Readonly<Record<string, Mode | string>> = {
  scale: { fit: 'fill', enlarge: true },
  fit: { fit: 'inside', enlarge: true },
  limit: { fit: 'inside' },
  fill: { fit: 'cover', enlarge: true },
  lfill: { fit: 'cover' },
  pad: { fit: 'contain', enlarge: true },
  lpad: { fit: 'contain', extend: true },
  /** As near to the face as the built-in avatars are. */
  thumb: { fit: 'cover', enlarge: true, faceZoom: 3 },
  mfit: 'a least size depends on the original',
  mpad: 'a least size depends on the original',
  fill_pad: 'whether it pads depends on the original',
  auto: 'its size of the cut is not told: write c_fill,g_auto',
  auto_pad: 'whether it pads depends on the original',
  imagga_scale: 'it belongs to an add-on',
  imagga_crop: 'it belongs to an add-on',
};

const COMPASS: Readonly<Record<string, string>> = {
  ...{ center: 'center', north: 'north', south: 'south', east: 'east', west: 'west' },
  ...{ north_east: 'northeast', north_west: 'northwest', south_east: 'southeast', south_west: 'southwest' },
};

/** True where a size was said, so that no second one may follow; false for a cut. */
export function applyResize(wish: Wish, { said }: Component): boolean {
  const mode = said.get('c');
  const [w, h] = [said.get('w'), said.get('h')];
  if (!mode && !w && !h) {
    const [[, alone] = []] = said;
    if (alone)
      refuse(
        [...['g', 'x', 'y', 'z', 'ar'].flatMap((name) => said.get(name) ?? []), alone][0] ?? alone,
        'it stands without a size',
      );
    return false;
  }
  if (mode?.value === 'crop') return cutOut(wish, said);
  const name = mode?.value ?? 'scale';
  const found = Object.hasOwn(MODES, name) ? MODES[name] : 'it is no crop mode that is known';
  const option = mode ?? w ?? h;
  if (typeof found === 'string' || !found) refuse(option as SaidOption, found ?? 'it is not known');
  for (const axis of ['x', 'y', 'z'] as const) {
    const offset = said.get(axis);
    if (offset) refuse(offset, 'a place in pixels has c_crop alone');
  }
  Object.assign(wish, found);
  wish.said.set('fit', mode?.text ?? 'c_scale');
  sizes(wish, said);
  if (name === 'thumb' && (wish.width === undefined || wish.height === undefined))
    refuse(option as SaidOption, 'a thumb needs w_ and h_');
  gravity(wish, said.get('g'), name);
  return true;
}

type Said = Component['said'];

function sizes(wish: Wish, said: Said): void {
  const [w, h, ar] = [said.get('w'), said.get('h'), said.get('ar')];
  if (w) wish.width = sideOf(w);
  if (h) wish.height = sideOf(h);
  for (const [field, option] of [
    ['width', w],
    ['height', h],
  ] as const)
    if (option) wish.said.set(field, option.text);
  if (!ar) return;
  if (wish.width !== undefined && wish.height !== undefined) refuse(ar, 'width and height say the shape');
  const [across = '', down = '1'] = ar.value.split(':');
  const ratio = decimalIn(across, 0.01, 10_000, ar) / decimalIn(down, 0.01, 10_000, ar);
  if (wish.width !== undefined) wish.height = Math.max(1, Math.round(wish.width / ratio));
  else if (wish.height !== undefined) wish.width = Math.max(1, Math.round(wish.height * ratio));
  else refuse(ar, 'it needs a width or a height');
}

function sideOf(option: SaidOption & { value: string }): number {
  if (option.value === 'auto' || option.value.startsWith('auto:')) refuse(option, 'no client hint is looked at');
  if (option.value.includes('.')) refuse(option, 'the size would depend on the original');
  const pixels = whole(option.value, option);
  return pixels > 0 ? pixels : refuse(option, 'expected a number of pixels from 1 on');
}

function gravity(wish: Wish, option: (SaidOption & { value: string }) | undefined, mode: string): void {
  const value = option?.value ?? 'center';
  wish.said.set('gravity', option?.text ?? 'c_thumb');
  if (mode === 'thumb' && !/^faces?(:center|:auto)?$/.test(value))
    refuse(option ?? wishOption(wish), 'a thumb is of faces: write g_face');
  if (/^(faces?(:center|:auto)?|auto:faces?)$/.test(value)) wish.gravity = 'faces';
  else if (/^auto(:classic|:subject)?$/.test(value)) wish.gravity = 'auto';
  else if (Object.hasOwn(COMPASS, value)) place(wish, COMPASS[value] ?? 'center');
  else if (option) refuse(option, 'what is kept is a side, a corner, center, face, faces or auto');
}

function wishOption(wish: Wish): SaidOption {
  const settings = { watermark: undefined, presets: {}, cloud: undefined };
  return { scheme: 'cloudinary', text: wish.said.get('fit') ?? 'c_thumb', settings };
}

function place(wish: Wish, name: string): void {
  wish.gravity = name;
  if ((wish.fit === 'contain' || wish.fit === 'pad') && name !== 'center') wish.canvasGravity = name;
}

/** `c_crop` with its place: pixels of the original, or fractions of it. Without one its place depends on the original's size. */
function cutOut(wish: Wish, said: Said): false {
  const options = ['x', 'y', 'w', 'h'].map((name) => said.get(name));
  const [x, y, w, h] = options;
  const mode = said.get('c') as SaidOption;
  const corner = said.get('g');
  if (wish.crop) refuse(mode, 'a chain may cut once');
  if (!w || !h) refuse(mode, 'it needs w_ and h_');
  if (said.has('ar')) refuse(said.get('ar') as SaidOption, 'width and height say the shape');
  if (corner && corner.value !== 'north_west') refuse(corner, 'a cut is placed by x_ and y_');
  if ((!x || !y) && !corner) refuse(mode, 'where it lies depends on the original: say x_ and y_');
  const zero = { px: 0 };
  wish.crop = { x: x ? shareOf(x) : zero, y: y ? shareOf(y) : zero, width: shareOf(w), height: shareOf(h) };
  wish.said.set('crop', mode.text);
  return false;
}

function shareOf(option: SaidOption & { value: string }): Share {
  const { value } = option;
  return value.includes('.') ? { fraction: decimalIn(value, 0, 1, option) } : { px: whole(value, option) };
}
