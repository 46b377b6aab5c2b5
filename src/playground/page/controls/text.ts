import { button, h, newId } from '../elements.ts';
import type { ColourField, LengthField, NumbersField, SidesField, TextField } from '../fields/field.ts';
import { type Context, type Control, named, row, type Write } from './control.ts';
import { tidy } from './number.ts';

export function textControl(field: TextField, set: Write, { path }: Context): Control {
  const input = field.lines ? h('textarea', { rows: 2 }) : h('input', { type: 'text', autocomplete: 'off' });
  input.spellcheck = false;
  input.maxLength = field.most;
  input.addEventListener('input', () => set(input.value === '' ? undefined : input.value));
  const list = field.suggestions?.map((text) => new Option(text, text));
  const suggestions = list && h('datalist', { id: newId() }, ...list);
  if (suggestions) input.setAttribute('list', suggestions.id);
  const element = row(field, path, input, suggestions);
  return {
    element,
    show(value) {
      const is = typeof value === 'string' ? value : '';
      if (input.value !== is) input.value = is;
      element.classList.toggle('said', is !== '');
    },
  };
}

/** The browser's own picker for the colour, and its digits beside it. */
export function colourControl(field: ColourField, set: Write, { path }: Context): Control {
  const picker = h('input', { type: 'color' });
  const digits = named(
    h('input', { type: 'text', maxlength: field.alpha ? 9 : 7, autocomplete: 'off' }),
    `${field.label}, digits`,
  );
  digits.spellcheck = false;
  const clear = button('×', () => set(undefined), {
    class: 'clear',
    'aria-label': `${field.label}: not set`,
    title: 'Not set',
  });
  const opacity = (text: string) => (field.alpha ? text.slice(7) : '');
  picker.addEventListener('input', () => set(picker.value + opacity(digits.value || field.start)));
  digits.addEventListener('change', () => set(digits.value.trim() === '' ? undefined : digits.value.trim()));
  const element = row(field, path, picker, h('span', { class: 'digits' }, digits, clear));
  return {
    element,
    show(value) {
      const is = typeof value === 'string' ? value : undefined;
      const shown = is ?? (typeof field.neutral === 'string' ? field.neutral : undefined);
      const picked = (shown ?? field.start).slice(0, 7).toLowerCase();
      if (/^#[0-9a-f]{6}$/.test(picked)) picker.value = picked;
      digits.value = shown ?? '';
      clear.disabled = is === undefined;
      element.classList.toggle('said', is !== undefined);
    },
  };
}

/** Numbers between commas. */
export function numbersControl(field: NumbersField, set: Write, { path }: Context): Control {
  const input = h('input', { type: 'text', inputmode: 'decimal', autocomplete: 'off', placeholder: 'none' });
  const numbers = (text: string) => text.split(/[\s,;]+/).flatMap((part) => (part === '' ? [] : Number(part)));
  input.addEventListener('change', () => {
    const all = numbers(input.value).filter(Number.isFinite);
    set(all);
  });
  const element = row(field, path, input);
  return {
    element,
    show(value) {
      input.value = (Array.isArray(value) ? value : ((field.default ?? []) as readonly number[])).join(', ');
      element.classList.toggle('said', value !== undefined);
    },
  };
}

/** Pixels or percent: a number, and which of both. */
export function lengthControl(field: LengthField, set: Write, { path }: Context): Control {
  const number = h('input', { type: 'number', min: 0, max: field.max, step: 'any', inputmode: 'decimal' });
  const unit = named(h('select', {}, new Option('%', '%'), new Option('px', '')), `${field.label}, unit`);
  const write = () => {
    const value = Number(number.value);
    if (number.value === '' || !Number.isFinite(value)) return;
    set(unit.value === '%' ? `${tidy(Math.min(100, value))}%` : Math.round(value));
  };
  number.addEventListener('input', write);
  unit.addEventListener('change', write);
  const element = row(field, path, number, unit);
  return {
    element,
    show(value) {
      const is = value ?? field.default ?? '';
      unit.value = typeof is === 'string' && is !== '' ? '%' : is === 0 ? unit.value : '';
      const shown = Number.parseFloat(String(is));
      if (number.value === '' || Number(number.value) !== shown)
        number.value = Number.isFinite(shown) ? String(shown) : '';
    },
  };
}

/** Top, right, bottom and left. */
export function sidesControl(field: SidesField, set: Write, { path }: Context): Control {
  const inputs = ['top', 'right', 'bottom', 'left'].map((side) => {
    const input = h('input', {
      type: 'number',
      min: 0,
      max: field.max,
      step: 1,
      inputmode: 'numeric',
      placeholder: side,
    });
    input.addEventListener('input', () => set(inputs.map((each) => Math.round(Number(each.value)))));
    return named(input, `${field.label}, ${side}`);
  });
  const all = h('span', { class: 'sides' }, ...inputs);
  const element = h('div', { class: 'field', data: { path } }, h('span', { class: 'label', text: field.label }), all);
  return {
    element,
    show(value) {
      const sides = Array.isArray(value) ? value : [0, 0, 0, 0];
      for (const [index, input] of inputs.entries())
        if (Number(input.value) !== sides[index] || input.value === '') input.value = String(sides[index] ?? 0);
    },
  };
}
