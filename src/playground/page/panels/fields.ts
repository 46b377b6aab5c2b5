import type { Control } from '../controls/control.ts';
import { makeControl } from '../controls/make.ts';
import { button, h } from '../elements.ts';
import { GROUPS, type Group } from '../fields/groups.ts';
import { sentence } from '../live.ts';
import type { About, Fault } from '../server.ts';
import type { Store } from '../state.ts';

/** Every field of a preset, in groups that fold. */
export interface FieldsPanel {
  faults(faults: readonly Fault[]): void;
}

const OPEN = 'Geometry';

export function createFieldsPanel(store: Store, panel: HTMLElement, { assets }: About): FieldsPanel {
  const controls: (Control & { readonly name: string })[] = [];
  const groups = GROUPS.map((group) => {
    const made = Object.entries(group.fields).map(([name, field]) => {
      const control = makeControl(field, (value) => store.setField(name, value), {
        assets,
        path: name,
        make: makeControl,
      });
      controls.push({ name, ...control });
      return control.element;
    });
    const count = h('span', { class: 'count' });
    const clear = button('Reset', () => reset(group), { 'aria-label': `Reset ${group.label}` });
    const foot = h('div', { class: 'group-foot' }, clear);
    const body = h('div', { class: 'fields' }, ...made, foot);
    const element = h(
      'details',
      { open: group.label === OPEN },
      h('summary', {}, h('h3', { text: group.label }), count),
      body,
    );
    return { group, element, count, clear };
  });
  panel.replaceChildren(...groups.map(({ element }) => element));

  function reset({ fields }: Group): void {
    const others = Object.entries(store.state.fields).filter(([name]) => !(name in fields));
    // What a preset cannot do without stays.
    const { width, height } = store.state.fields;
    const size = 'width' in fields ? { ...(width ? { width } : {}), ...(height ? { height } : {}) } : {};
    store.update({ fields: { ...size, ...Object.fromEntries(others) } });
  }

  function draw(): void {
    const { fields } = store.state;
    for (const { name, show } of controls) show(fields[name]);
    for (const { group, count, clear } of groups) {
      const set = Object.keys(group.fields).filter((name) => name in fields).length;
      count.textContent = set > 0 ? `${set} set` : '';
      clear.disabled = set === 0;
    }
  }

  store.onChange((state, before) => {
    if (state.fields !== before.fields) draw();
  });
  draw();

  return {
    faults(faults) {
      for (const old of panel.querySelectorAll('.fault')) old.remove();
      for (const fault of faults) {
        const [element] = placesOf(panel, fault.path);
        const group = element?.closest('details');
        if (!element || !group) continue;
        element.append(h('p', { class: 'fault', text: sentence(fault) }));
        group.open = true;
      }
    },
  };
}

/** The controls that a path leads through, the innermost first. */
function placesOf(panel: HTMLElement, path: readonly (string | number)[]): HTMLElement[] {
  const names = path.map((_, index) => path.slice(0, path.length - index).join('.'));
  return names.flatMap((name) =>
    [...panel.querySelectorAll<HTMLElement>('[data-path]')].filter(({ dataset }) => dataset.path === name),
  );
}
