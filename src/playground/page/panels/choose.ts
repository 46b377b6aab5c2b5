import { button, byId, fill, h } from '../elements.ts';
import type { About } from '../server.ts';
import { type State, type Store, same, withoutDefaults } from '../state.ts';

/** Which preset is shown and under which name, of which size and format, and the values of its variables. */

const TEXTS = ['name', 'download', 'version'] as const;

export function createChoosePanel(store: Store, { presets }: About): { readonly choose: (name: string) => void } {
  const select = byId('preset', HTMLSelectElement);
  const size = byId('size', HTMLSelectElement);
  const format = byId('format', HTMLSelectElement);
  const changed = byId('changed', HTMLElement);
  const own = new Map(presets.map(({ name, fields }) => [name, fields]));

  const choose = (name: string) =>
    store.update({ from: name, fields: own.get(name) ?? { width: 600 }, name: '', size: '', format: '' });
  const undo = button('Undo all changes', () => choose(store.state.from));
  byId('undo', HTMLElement).replaceChildren(undo);

  function draw(state: State): void {
    const { from, fields } = state;
    fill(select, [...presets.map(({ name }) => [name, name] as const), ['', 'A new preset']]);
    select.value = own.has(from) ? from : '';
    const isOwn = own.has(from) && same(own.get(from), fields);
    changed.textContent = isOwn ? '' : own.has(from) ? `changed from ${from}` : 'not on the server';
    undo.hidden = isOwn || !own.has(from);
    byId('name', HTMLInputElement).placeholder = from || 'preset';
    for (const id of TEXTS) {
      const input = byId(id, HTMLInputElement);
      if (input.value !== state[id]) input.value = state[id];
    }
    const { widths = [], pixelRatios = [1, 2, 3], formats = ['avif', 'webp', 'jpeg'] } = fields as Declared;
    fill(size, [
      ['', 'as it is'],
      ...(isOwn ? widths : []).map((width) => [`w${width}`, `${width} px wide`] as const),
      ...pixelRatios.filter((ratio) => ratio !== 1).map((ratio) => [`x${ratio}`, `${ratio}×`] as const),
    ]);
    size.value = state.size;
    fill(format, [['', 'the preset’s'], ...formats.map((name) => [name, name] as const)]);
    format.value = state.format;
    drawVariables(state);
  }

  function drawVariables({ fields, variables }: State): void {
    const names = variablesIn(fields);
    const box = byId('variables', HTMLElement);
    const inputs = [...box.querySelectorAll('input')];
    if (inputs.length !== names.length || inputs.some(({ name }, index) => name !== names[index]))
      box.replaceChildren(
        ...names.map((name) => {
          const input = h('input', { name, maxlength: 256, autocomplete: 'off' });
          input.addEventListener('input', () =>
            store.update({ variables: { ...store.state.variables, [name]: input.value } }),
          );
          return h('label', {}, `{${name}}`, input);
        }),
      );
    for (const input of box.querySelectorAll('input'))
      if (input.value !== (variables[input.name] ?? '')) input.value = variables[input.name] ?? '';
  }

  select.addEventListener('change', () => choose(select.value));
  size.addEventListener('change', () => store.update({ size: size.value }));
  format.addEventListener('change', () => store.update({ format: format.value }));
  for (const id of TEXTS) {
    const input = byId(id, HTMLInputElement);
    // A name is typed as presets may be called.
    const clean = (text: string) => (id === 'name' ? text.replace(/[^A-Za-z0-9_-]+/g, '-').slice(0, 64) : text);
    input.addEventListener(id === 'name' ? 'input' : 'change', () => store.update({ [id]: clean(input.value) }));
  }
  store.onChange((state, before) => {
    const next = variablesFor(state);
    if (!same(next, state.variables)) return store.update({ variables: next });
    if (state !== before) draw(state);
  });
  return { choose };
}

interface Declared {
  readonly widths?: readonly number[];
  readonly pixelRatios?: readonly number[];
  readonly formats?: readonly string[];
}

/** As the server finds them: src/presets/fields/overlays/variables.ts. */
export function variablesIn({ overlays }: State['fields']): string[] {
  const texts = Array.isArray(overlays)
    ? overlays.map((overlay) => String((overlay as { text?: unknown }).text ?? ''))
    : [];
  return [
    ...new Set(texts.flatMap((text) => Array.from(text.matchAll(/\{([a-z0-9_.]{1,30})\}/g), ([, name = '']) => name))),
  ];
}

/** A value for each variable of the preset, and no other. */
export function variablesFor({
  fields,
  variables,
}: Pick<State, 'fields' | 'variables'>): Readonly<Record<string, string>> {
  return Object.fromEntries(variablesIn(fields).map((name) => [name, variables[name] ?? 'Łucja & Ömer']));
}

/** The server's presets as the page compares them. */
export const plainPresets = (presets: About['presets']) =>
  presets.map(({ name, fields }) => ({ name, fields: withoutDefaults(fields) }));
