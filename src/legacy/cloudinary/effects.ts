import { type OptionReader, refuse } from '../scheme.ts';
import { decimalIn, inline, whole } from '../values.ts';

const STRENGTH = 'its strengths have no equal that is told';
const RETOUCHING = 'it retouches single photos';

type Effect =
  | string
  | ((more: Map<string, string>, value: string | undefined, ...rest: Parameters<OptionReader>) => void);

/** `e_<name>:<value>`: what each asks for, or why it cannot. */
const EFFECTS: Readonly<Record<string, Effect>> = {
  grayscale: (more) => void more.set('grayscale', '1'),
  sepia: (more, value, _wish, _args, option) =>
    void more.set('sepia', inline((value === undefined ? 80 : decimalIn(value, 1, 100, option)) / 100)),
  saturation: (more, value, _wish, _args, option) => {
    const factor = 1 + (value === undefined ? 80 : decimalIn(value, -100, 100, option)) / 100;
    if (factor !== 1) more.set('saturation', inline(factor));
  },
  pixelate(more, value, wish, _args, option) {
    if (value === undefined) refuse(option, 'say the side of its squares');
    more.set('pixelate', String(whole(value, option, 200)));
    wish.said.set('pixelate', option.text);
  },
  sharpen(more, value, wish, _args, option) {
    if (value !== undefined) refuse(option, 'its strengths have no equal: without one it gives back what scaling took');
    more.set('sharpen', 'auto');
    wish.said.set('sharpen', option.text);
  },
  trim(_more, value, wish, _args, option) {
    wish.trim = value === undefined ? 10 : Math.round(decimalIn(value, 0, 100, option));
    wish.said.set('trim', option.text);
  },
  blur_faces: (more, value, wish, _args, option) => covered(more, 'blur', value, [wish, [], option]),
  pixelate_faces: (more, value, wish, _args, option) => covered(more, 'pixelate', value, [wish, [], option]),
  blur: STRENGTH,
  unsharp_mask: STRENGTH,
  brightness: 'levels are multiplied here, where cloudinary adds to them',
  contrast: STRENGTH,
  gamma: STRENGTH,
  hue: STRENGTH,
  tint: STRENGTH,
  colorize: STRENGTH,
  vibrance: STRENGTH,
  improve: RETOUCHING,
  enhance: RETOUCHING,
  viesus_correct: RETOUCHING,
  auto_brightness: RETOUCHING,
  auto_color: RETOUCHING,
  auto_contrast: RETOUCHING,
  redeye: RETOUCHING,
  background_removal: 'it needs a model of tens of megabytes',
  upscale: 'it needs a model of tens of megabytes',
};

function covered(
  more: Map<string, string>,
  how: string,
  value: string | undefined,
  [wish, , option]: Parameters<OptionReader>,
): void {
  if (value !== undefined) refuse(option, 'faces are covered so that they cannot be told: without a strength');
  more.set('redact', `faces:${how}`);
  wish.said.set('redact', option.text);
}

export const CLOUDINARY_EFFECTS: OptionReader = (wish, [text = ''], option) => {
  const [name = '', value, ...more] = text.split(':');
  const effect = Object.hasOwn(EFFECTS, name) ? EFFECTS[name] : 'it has no equal';
  if (effect === undefined || typeof effect === 'string') return refuse(option, effect ?? 'it has no equal');
  if (more.length > 0) refuse(option, 'expected one value');
  effect(wish.more, value, wish, [text], option);
};
