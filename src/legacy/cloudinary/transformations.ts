import { swapSides } from '../recipe-text.ts';
import {
  LegacyRefusal,
  noWish,
  type ReadingSettings,
  readOption,
  refuse,
  type SaidOption,
  type Wish,
} from '../scheme.ts';
import { CLOUDINARY_PARAMETERS } from './parameters.ts';
import { applyResize, type Component } from './resize.ts';

const MAX_PARAMETERS = 64;
const MAX_NESTING = 4;

/**
 * Parts of the path, each with its parameters, done one behind the other. Here all is one recipe: a cut in pixels, then one size, then
 * effects. A chain that resizes twice has no equal.
 */
export function readTransformations(parts: readonly string[], settings: ReadingSettings): Wish {
  const wish = noWish();
  const expanded = parts.flatMap((part) => withoutNames(part, settings, []));
  if (expanded.flat().length > MAX_PARAMETERS)
    throw new LegacyRefusal('malformed', `There are more than ${MAX_PARAMETERS} parameters.`);
  let resized = false;
  let turnedBefore = false;
  for (const parameters of expanded) {
    const before = wish.rotate !== undefined || wish.flip !== undefined;
    const effects = [...wish.more.keys()].find((name) => name === 'radius' || name === 'pixelate');
    const component: Component = { said: new Map() };
    for (const text of parameters) {
      const [, name = '', value = ''] = /^([a-z]{1,3}|\$\w+)_(.*)$/.exec(text) ?? [];
      const option = { scheme: 'cloudinary' as const, text, settings };
      if (component.said.has(name)) refuse(option, 'it stands there twice');
      component.said.set(name, { ...option, value });
      if (!RESIZING.has(name)) readOption(CLOUDINARY_PARAMETERS, wish, name, [value], option);
    }
    const [first] = [...RESIZING].flatMap((name) => component.said.get(name) ?? []);
    if (!first) continue;
    const mode = component.said.get('c') ?? first;
    if (resized) refuse(mode, 'a chain may resize once');
    if (effects) refuse(mode, `it stands behind an effect in pixels (${effects})`);
    if (before && mode.value === 'crop') refuse(mode, 'it stands behind a turn or a flip');
    resized = applyResize(wish, component);
    turnedBefore = resized && before;
  }
  // What stands in the same part or behind it turns the finished picture.
  if (!turnedBefore) swapSides(wish);
  return wish;
}

/** Read together, because each says something about the others. */
const RESIZING = new Set(['c', 'w', 'h', 'ar', 'g', 'x', 'y', 'z']);

/** The parameters of a part, and in place of `t_<name>` those of the transformation of this name. */
function withoutNames(part: string, settings: ReadingSettings, used: readonly string[]): string[][] {
  const parameters = part.split(',');
  const [name] = parameters.flatMap((text) => (text.startsWith('t_') ? [text.slice(2)] : []));
  if (name === undefined) return [parameters];
  const option: SaidOption = { scheme: 'cloudinary', text: `t_${name}`, settings };
  if (!Object.hasOwn(settings.presets, name))
    refuse(option, 'DARKROOM_LEGACY_PRESETS has no transformation of this name');
  if (used.includes(name) || used.length >= MAX_NESTING) refuse(option, 'it names itself');
  const { [name]: meaning = '' } = settings.presets;
  const others = parameters.filter((text) => text !== `t_${name}`);
  const named = meaning.split('/').flatMap((each) => withoutNames(each, settings, [...used, name]));
  return others.length > 0 ? [...named, others] : named;
}
