import { button, h, newId } from '../elements.ts';
import type { Field, GroupField, Item, Json, ListField, WaysField } from '../fields/field.ts';
import { type Context, type Control, fieldsOf, isObject, row, type Write } from './control.ts';

/** An object. With a `start` a switch puts it into the preset. */
export function groupControl(field: GroupField, set: Write, context: Context): Control {
  const inner = fieldsOf(field.fields, set, context, field.start);
  const { start } = field;
  const data = { path: context.path };
  if (!start) {
    const heading = h('legend', { text: field.label });
    const note = field.note ? h('p', { class: 'note', text: field.note }) : undefined;
    return { ...inner, element: h('fieldset', { class: 'group', data }, heading, note, inner.element) };
  }
  const input = h('input', { type: 'checkbox', role: 'switch' });
  input.addEventListener('change', () => set(input.checked ? start : undefined));
  const head = row({ ...field, kind: 'toggle', label: field.label } as Field, context.path, input);
  return {
    element: h('div', { class: 'group' }, head, inner.element),
    show(value) {
      input.checked = value !== undefined;
      inner.element.hidden = value === undefined;
      head.classList.toggle('said', value !== undefined);
      inner.show(value ?? start);
    },
  };
}

/** A list of what it can be, and below it the control of that. */
export function waysControl(field: WaysField, set: Write, context: Context): Control {
  const { ways } = field;
  const rest = field.default;
  const select = h('select', {}, ...ways.map(({ label }, index) => new Option(label, String(index))));
  const inner = h('div', { class: 'within' });
  const controls = ways.map((way) => ('field' in way ? context.make(way.field, set, context) : undefined));
  select.addEventListener('change', () => {
    const way = ways[Number(select.value)];
    if (way) set('field' in way ? way.start : way.value);
  });
  const head = row(field, context.path, select);
  let shown = -1;
  return {
    element: h('div', { class: 'ways' }, head, inner),
    show(value) {
      const is = value ?? rest;
      const at = wayOf(field, is);
      select.value = String(at);
      head.classList.toggle('said', value !== undefined && value !== rest);
      const control = controls[at];
      if (at !== shown) inner.replaceChildren(...(control ? [control.element] : []));
      shown = at;
      inner.hidden = !control;
      control?.show(is);
    },
  };
}

function wayOf({ ways }: WaysField, value: Json | undefined): number {
  const exact = ways.findIndex((way) => 'value' in way && way.value === value);
  return exact >= 0 ? exact : ways.findIndex((way) => 'field' in way && takes(way.field, value));
}

function takes({ kind }: Field, value: Json | undefined): boolean {
  if (kind === 'number') return typeof value === 'number';
  if (kind === 'percent') return typeof value === 'string' && value.endsWith('%');
  if (kind === 'group') return isObject(value);
  if (kind === 'sides') return Array.isArray(value);
  return typeof value === 'string' && value.startsWith('#');
}

/** Entries one below the other, with buttons that add one, take one out and bring one forward. */
export function listControl(field: ListField, set: Write, context: Context): Control {
  let shown: readonly Json[] = [];
  let kinds: readonly (Item | undefined)[] = [];
  let controls: Control[] = [];
  const entries = h('div', { class: 'entries' });
  const replace = (index: number, ...by: readonly Json[]) => {
    const next = shown.toSpliced(index, 1, ...by);
    set(next.length > 0 ? next : undefined);
  };
  const add = field.items.map(({ label, start }) => button(`Add ${label}`, () => set([...shown, start])));
  const note = field.note ? h('p', { class: 'note', text: field.note }) : undefined;
  const legend = h('legend', { text: field.label, id: newId() });
  const adding = h('div', { class: 'adding' }, ...add);

  function entry(item: Item | undefined, index: number): HTMLElement {
    const path = `${context.path}.${index}`;
    const what = item?.label.replace(/^an? /, '') ?? 'entry';
    const heading = h('h4', { text: `${what.charAt(0).toUpperCase()}${what.slice(1)} ${index + 1}` });
    const remove = button('Remove', () => replace(index), { 'aria-label': `Remove ${what} ${index + 1}` });
    const set = (value: Json | undefined) => replace(index, value ?? {});
    const fields = fieldsOf(item?.fields ?? {}, set, { ...context, path }, item?.needed);
    controls.push(fields);
    return h(
      'div',
      { class: 'entry', data: { path } },
      h('div', { class: 'entry-head' }, heading, remove),
      fields.element,
    );
  }

  return {
    element: h('fieldset', { class: 'group list', data: { path: context.path } }, legend, note, entries, adding),
    show(value) {
      shown = Array.isArray(value) ? value : [];
      const are = shown.map((each) => field.items.find(({ by }) => isObject(each) && by in each));
      if (are.length !== kinds.length || are.some((item, index) => item !== kinds[index])) {
        controls = [];
        entries.replaceChildren(...are.map(entry));
        kinds = are;
      }
      for (const [index, control] of controls.entries()) control.show(shown[index]);
      for (const each of add) each.disabled = shown.length >= field.most;
    },
  };
}
