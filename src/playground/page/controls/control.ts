import { h, newId } from '../elements.ts';
import type { Field, Fields, Json } from '../fields/field.ts';

/** What the page shows of one field of a preset. */
export interface Control {
  readonly element: HTMLElement;
  /** Shows a value; undefined where the preset does not say it. */
  show(value: Json | undefined): void;
}

export type Write = (value: Json | undefined) => void;

export interface Context {
  readonly assets: { readonly images: readonly string[]; readonly fonts: readonly string[] };
  /** Where a field stands in the preset, such as `overlays.0.text`: for the server's sentences about it. */
  readonly path: string;
  /** Makes the control of a field within this one. */
  make(field: Field, set: Write, context: Context): Control;
}

/** A line of the panel: the label, what is set, and below it what it does. Its parts stand in three columns. */
export function row(
  field: Field,
  path: string,
  input: HTMLElement,
  ...beside: (HTMLElement | undefined)[]
): HTMLElement {
  const id = newId();
  input.id ||= id;
  const note = field.note ? h('p', { class: 'note', text: field.note, id: newId() }) : undefined;
  if (note) input.setAttribute('aria-describedby', note.id);
  const label = h('label', { for: input.id, text: field.label });
  const others = beside.filter((each) => each !== undefined);
  return h('div', { class: `field is-${field.kind}`, data: { path } }, label, input, ...others, note);
}

/** One of a row's inputs that has no label of its own. */
export function named<T extends HTMLElement>(element: T, name: string): T {
  element.setAttribute('aria-label', name);
  return element;
}

/** The controls of an object's fields, which write it as a whole. Empty ones take it out. */
export function fieldsOf(
  fields: Fields,
  set: Write,
  context: Context,
  /** What a field becomes that must not be taken out. */
  needed: Readonly<Record<string, Json>> = {},
): Control {
  let shown: Readonly<Record<string, Json>> = {};
  const controls = Object.entries(fields).map(([name, field]) => {
    const write: Write = (value) => set(withField(shown, fields, name, value ?? needed[name]));
    return { name, ...context.make(field, write, { ...context, path: `${context.path}.${name}` }) };
  });
  return {
    element: h('div', { class: 'within' }, ...controls.map(({ element }) => element)),
    show(value) {
      shown = isObject(value) ? value : {};
      for (const { name, show } of controls) show(shown[name]);
    },
  };
}

function withField(
  shown: Readonly<Record<string, Json>>,
  fields: Fields,
  name: string,
  value: Json | undefined,
): Json | undefined {
  const out = new Set(value === undefined ? [] : fields[name]?.without);
  const next = Object.fromEntries(
    Object.keys(fields).flatMap((field) => {
      const is = field === name ? value : out.has(field) ? undefined : shown[field];
      return is === undefined ? [] : [[field, is] as const];
    }),
  );
  if (Object.keys(next).length === 0) return undefined;
  // An offset has both sides, whichever was set.
  const plain = Object.entries(fields).flatMap(([field, { neutral }]) => (neutral === 0 ? [[field, 0] as const] : []));
  return plain.length === Object.keys(fields).length ? { ...Object.fromEntries(plain), ...next } : next;
}

export function isObject(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
