import { button, h } from '../elements.ts';
import type { NumberField, PercentField } from '../fields/field.ts';
import { type Context, type Control, named, row, type Write } from './control.ts';

/** A slider for most of the range, and a number for all of it. */
export function numberControl(field: NumberField, set: Write, { path }: Context): Control {
  const { min, max, step, unit = '', whole } = field;
  const [from, to] = field.slide ?? [min, max];
  const optional = field.default === undefined;
  const rest = field.neutral ?? field.default;
  const slider = h('input', { type: 'range', min: from, max: to, step });
  const number = h('input', { type: 'number', min, max, step: whole ? 1 : 'any', inputmode: 'decimal' });
  named(number, `${field.label}${unit ? `, ${unit}` : ''}`);
  const clear = button('×', () => set(undefined), {
    class: 'clear',
    'aria-label': `${field.label}: not set`,
    title: 'Not set',
  });
  const write = (text: string) => {
    const value = Number(text);
    if (text === '') set(undefined);
    else if (Number.isFinite(value)) set(value === rest ? undefined : whole ? Math.round(value) : tidy(value));
  };
  slider.addEventListener('input', () => write(slider.value));
  number.addEventListener('input', () => write(number.value));
  const box = h(
    'span',
    { class: 'amount' },
    number,
    h('span', { class: 'unit', text: unit }),
    optional ? clear : undefined,
  );
  const element = row(field, path, slider, box);
  return {
    element,
    show(value) {
      const is = typeof value === 'boolean' ? Number(value) : value;
      const shown = is ?? rest;
      element.classList.toggle('said', is !== undefined && is !== rest);
      clear.disabled = is === undefined;
      slider.value = String(shown ?? from);
      // A number that is being typed is left as it is.
      if (number.value === '' || Number(number.value) !== shown)
        number.value = shown === undefined ? '' : String(shown);
      slider.setAttribute('aria-valuetext', shown === undefined ? 'not set' : `${shown} ${unit}`.trim());
    },
  };
}

/** `12.5%`, as text. */
export function percentControl(field: PercentField, set: Write, context: Context): Control {
  const { kind: _, ...described } = field;
  const number = numberControl(
    { ...described, kind: 'number', min: 0, step: 0.5, unit: '%' },
    (value) => set(value === undefined ? undefined : `${value}%`),
    context,
  );
  return { ...number, show: (value) => number.show(typeof value === 'string' ? Number.parseFloat(value) : undefined) };
}

/** Without the noise of floating point. */
export const tidy = (value: number) => Number(value.toFixed(4));
