import { START, type State, type Store, withoutDefaults } from './state.ts';

/** The state stands behind the `#` of the address, which browsers keep to themselves: a link shows the same. The token never does. */

const TEXTS = ['id', 'from', 'name', 'size', 'format', 'download', 'version'] as const;
/** Browsers refuse pages that change their address all the time. */
const WRITE_AFTER_MS = 250;

export function addressOf(state: State, presets: Readonly<Record<string, object>>): string {
  const said = new URLSearchParams();
  for (const name of TEXTS) if (state[name] !== START[name]) said.set(name, state[name]);
  const own = presets[state.from];
  if (!own || JSON.stringify(own) !== JSON.stringify(state.fields)) said.set('set', JSON.stringify(state.fields));
  if (state.view !== START.view) said.set('view', state.view);
  for (const [name, text] of Object.entries(state.variables)) said.set(`t.${name}`, text);
  return `#${said}`;
}

/** What an address says; whatever it cannot be read for is left out. */
export function stateOf(address: string, presets: Readonly<Record<string, State['fields']>>): Partial<State> {
  const said = new URLSearchParams(address.replace(/^#/, ''));
  const texts = Object.fromEntries(TEXTS.flatMap((name) => (said.has(name) ? [[name, said.get(name) ?? '']] : [])));
  const from = said.get('from') ?? '';
  const own = Object.hasOwn(presets, from) ? presets[from] : undefined;
  const fields = fieldsOf(said.get('set')) ?? own;
  const view = said.get('view');
  const variables = [...said].flatMap(([name, text]) =>
    name.startsWith('t.') ? [[name.slice(2), text] as const] : [],
  );
  return {
    ...texts,
    ...(fields ? { fields } : {}),
    ...(view === 'compare' || view === 'original' ? { view } : {}),
    ...(variables.length > 0 ? { variables: Object.fromEntries(variables) } : {}),
  };
}

function fieldsOf(text: string | null): State['fields'] | undefined {
  if (text === null) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? withoutDefaults(value as State['fields']) : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps the address as the state is, and follows links within the page. */
export function keepAddress(store: Store, presets: Readonly<Record<string, State['fields']>>): void {
  let timer = 0;
  let written = location.hash;
  const write = () => {
    window.clearTimeout(timer);
    timer = 0;
    // A link was followed whose `hashchange` is still to come: writing the state of before would undo it.
    if (location.hash !== written) return;
    written = addressOf(store.state, presets);
    if (written !== location.hash) history.replaceState(undefined, '', written);
    written = location.hash;
  };
  store.onChange(() => {
    timer ||= window.setTimeout(write, WRITE_AFTER_MS);
  });
  addEventListener('pagehide', write);
  addEventListener('hashchange', () => {
    if (location.hash === written) return;
    written = location.hash;
    store.update({ ...START, id: store.state.id, ...stateOf(written, presets) });
  });
}
