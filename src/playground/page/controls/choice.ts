import { h } from '../elements.ts';
import type { AssetField, ChoiceField, Json, SetField, ToggleField } from '../fields/field.ts';
import { NOT_SET } from '../fields/field.ts';
import { type Context, type Control, row, type Write } from './control.ts';

export function choiceControl(field: ChoiceField, set: Write, { path }: Context): Control {
  const rest = field.default ?? field.neutral;
  const options = field.values.map(([, label], index) => new Option(label, String(index)));
  const select = h('select', {}, ...options);
  select.addEventListener('change', () => set(field.values[Number(select.value)]?.[0]));
  const element = row(field, path, select);
  return {
    element,
    show(value) {
      const is = value ?? rest;
      element.classList.toggle('said', value !== undefined && value !== rest);
      select.value = String(field.values.findIndex(([each]) => each === is));
    },
  };
}

export function toggleControl(field: ToggleField, set: Write, { path }: Context): Control {
  const input = h('input', { type: 'checkbox', role: 'switch' });
  input.addEventListener('change', () => set(input.checked ? true : undefined));
  const element = row(field, path, input);
  return {
    element,
    show(value) {
      input.checked = value === true;
      element.classList.toggle('said', value === true);
    },
  };
}

/** Several of a few. */
export function setControl(field: SetField, set: Write, { path }: Context): Control {
  const boxes = field.values.map((value) => {
    const input = h('input', { type: 'checkbox', value });
    input.addEventListener('change', () => set(boxes.filter((box) => box.input.checked).map((box) => box.value)));
    return { value, input, element: h('label', { class: 'one' }, input, value) };
  });
  const all = h(
    'span',
    { class: 'several', role: 'group', 'aria-label': field.label },
    ...boxes.map((box) => box.element),
  );
  const note = h('p', { class: 'note', text: field.note ?? '' });
  const element = h(
    'div',
    { class: 'field', data: { path } },
    h('span', { class: 'label', text: field.label }),
    all,
    note,
  );
  return {
    element,
    show(value) {
      const chosen = (value ?? field.default ?? []) as readonly Json[];
      for (const box of boxes) box.input.checked = chosen.includes(box.value);
      element.classList.toggle('said', value !== undefined);
    },
  };
}

/** The server's own files. A name that it does not have can stand in a preset too, for the server that it is for. */
export function assetControl(field: AssetField, set: Write, { path, assets }: Context): Control {
  const names = assets[field.of];
  const select = h('select');
  select.addEventListener('change', () => set(select.value === '' ? undefined : select.value));
  const none = names.length === 0 && field.of === 'images' ? 'None: see DARKROOM_ASSETS' : NOT_SET;
  const element = row(field, path, select);
  return {
    element,
    show(value) {
      const is = typeof value === 'string' ? value : '';
      const all = is === '' || names.includes(is) ? names : [...names, is];
      select.replaceChildren(new Option(none, ''), ...all.map((name) => new Option(name, name)));
      select.value = is;
      element.classList.toggle('said', is !== '');
    },
  };
}
