import { h } from '../elements.ts';
import type { Look } from '../live.ts';
import type { State, Store } from '../state.ts';

/** The preset as a shop takes it away: for the presets file, as a recipe, as a signed URL, as markup. */
export interface CopyPanel {
  show(look: Look): void;
}

const OUTPUTS = [
  ['json', 'Preset JSON', 'For the file of DARKROOM_PRESETS.', 8],
  ['recipe', 'Inline recipe', 'In place of a preset’s name in a URL.', 2],
  ['url', 'Signed URL', 'As the picture above was asked for.', 2],
  ['markup', 'Markup', 'A picture element, with all sizes and formats.', 4],
] as const;

export function createCopyPanel(store: Store, panel: HTMLElement, say: (text: string) => void): CopyPanel {
  const outputs = Object.fromEntries(OUTPUTS.map(([id, label, note, rows]) => [id, outputOf(id, label, note, rows)]));
  panel.replaceChildren(...Object.values(outputs).map(({ element }) => element));

  function outputOf(id: string, label: string, note: string, rows: number) {
    const text = h('textarea', { id, rows, readonly: true, spellcheck: 'false', 'aria-describedby': `${id}-note` });
    const copy = h('button', { type: 'button', text: 'Copy', data: { copy: id }, 'aria-label': `Copy: ${label}` });
    copy.addEventListener('click', async () => {
      text.select();
      // Browsers have a clipboard for pages of HTTPS and of this machine only.
      const copied = await Promise.resolve(navigator.clipboard?.writeText(text.value).then(() => true)).catch(
        () => false,
      );
      if (copied || document.execCommand('copy')) say(`${label} copied.`);
    });
    const head = h('div', { class: 'output-head' }, h('label', { for: id, text: label }), copy);
    const element = h('div', { class: 'output' }, head, h('p', { class: 'note', id: `${id}-note`, text: note }), text);
    return {
      element,
      set(value: string | undefined) {
        text.value = value ?? '';
        copy.disabled = !value;
      },
    };
  }

  const drawJson = () => outputs.json?.set(jsonOf(store.state));
  store.onChange((state, before) => {
    if (state.fields !== before.fields || state.name !== before.name || state.from !== before.from) drawJson();
  });
  return {
    show({ draft: { inline, url, markup } }) {
      drawJson();
      outputs.recipe?.set(inline);
      outputs.url?.set(url);
      outputs.markup?.set(markup);
    },
  };
}

/** A presets file of this one. */
export function jsonOf({ name, from, fields }: State): string {
  return JSON.stringify({ [name || from || 'preset']: fields }, undefined, 2);
}
