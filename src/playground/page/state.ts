import type { Json } from './fields/field.ts';
import { ALL_FIELDS } from './fields/groups.ts';

export type PresetFields = Readonly<Record<string, Json>>;

/** All that a link to the page says. */
export interface State {
  readonly id: string;
  /** The server's preset from which this one was made; empty for none. */
  readonly from: string;
  /** Of the preset that is shown, without those at their defaults. */
  readonly fields: PresetFields;
  /** Under which it is copied. */
  readonly name: string;
  /** `x2`, `w640`, or empty. */
  readonly size: string;
  /** Pinned; empty for the preset's own. */
  readonly format: string;
  readonly download: string;
  /** The shop's, of the original; empty for that of its last edit. */
  readonly version: string;
  /** Of texts. */
  readonly variables: Readonly<Record<string, string>>;
  readonly view: 'result' | 'compare' | 'original';
}

export const START: State = {
  ...{ id: '', from: '', fields: {}, name: '', size: '', format: '', download: '', version: '' },
  ...{ variables: {}, view: 'result' },
};

type Listener = (state: State, before: State) => void;

export interface Store {
  readonly state: State;
  update(change: Partial<State>): void;
  /** One field of the preset; undefined takes it out, and so does its default. */
  setField(name: string, value: Json | undefined): void;
  /** Called after each change, in the order of the calls. */
  onChange(listener: Listener): void;
}

export function createStore(): Store {
  let state = START;
  const listeners: Listener[] = [];
  const store: Store = {
    get state() {
      return state;
    },
    update(change) {
      const before = state;
      state = { ...state, ...change };
      for (const listener of listeners) listener(state, before);
    },
    setField(name, value) {
      const { [name]: _, ...others } = state.fields;
      const without = new Set(value === undefined ? [] : (ALL_FIELDS[name]?.without ?? []));
      const kept = Object.fromEntries(Object.entries(others).filter(([other]) => !without.has(other)));
      store.update({ fields: withoutDefaults(value === undefined ? kept : { ...kept, [name]: value }) });
    },
    onChange: (listener) => void listeners.push(listener),
  };
  return store;
}

/** In the order of the table, and without what a preset that says nothing amounts to. Fields that the table lacks stay. */
export function withoutDefaults(fields: PresetFields): PresetFields {
  const order = Object.keys(ALL_FIELDS);
  const said = Object.entries(fields).filter(([name, value]) => {
    const { default: normal, neutral } = ALL_FIELDS[name] ?? {};
    const plain = ALL_FIELDS[name]?.kind === 'toggle' ? false : undefined;
    return value !== undefined && ![normal, neutral, plain].some((each) => each !== undefined && same(each, value));
  });
  const place = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length);
  return Object.fromEntries(said.sort(([a], [b]) => place(a) - place(b)));
}

export function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inner]) => [name, sorted(inner)]),
  );
}
