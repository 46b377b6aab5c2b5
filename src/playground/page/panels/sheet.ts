import { byId, h, kilobytes, sizeOf } from '../elements.ts';
import { type About, call, formatOf, picture } from '../server.ts';
import type { Store } from '../state.ts';
import { variablesFor } from './choose.ts';

/** All presets of the server with what they make of the original: sizes in pixels and bytes. Rendered once they are scrolled to. */
export interface SheetPanel {
  show(id: string, version: string | undefined): void;
}

const AT_A_TIME = 2;

export function createSheetPanel(store: Store, { presets }: About, choose: (name: string) => void): SheetPanel {
  const sheet = byId('sheet', HTMLUListElement);
  const waiting: (() => Promise<void>)[] = [];
  let working = 0;
  let round = 0;
  const sizes = new Map<string, number>();
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      target.dispatchEvent(new CustomEvent('seen'));
    }
  });

  function next(): void {
    while (working < AT_A_TIME) {
      const work = waiting.shift();
      if (!work) return;
      working += 1;
      work().finally(() => {
        working -= 1;
        next();
      });
    }
  }

  function entry(name: string, id: string, version: string | undefined, mine: number): HTMLElement {
    const image = h('img', { alt: '' });
    const told = h('span', { class: 'quiet', text: 'not rendered yet' });
    const bar = h('span', { class: 'bar' });
    const pick = h(
      'button',
      { type: 'button', data: { preset: name }, 'aria-label': `Show ${name}` },
      h('span', { class: 'thumb' }, image),
    );
    pick.addEventListener('click', () => choose(name));
    const element = h(
      'li',
      {},
      pick,
      h('span', { class: 'name', text: name }),
      told,
      h('span', { class: 'track' }, bar),
    );
    const render = async () => {
      if (mine !== round) return;
      told.textContent = 'rendering…';
      try {
        const values = variablesFor({ fields: fieldsOf(name), variables: store.state.variables });
        const said = Object.keys(values).length > 0 ? { variables: values } : {};
        const { url } = await call<{ url: string }>('sign', {
          id,
          preset: name,
          ...said,
          ...(version ? { version } : {}),
        });
        const { blob } = await picture(url);
        if (mine !== round) return;
        image.src = URL.createObjectURL(blob);
        image.alt = `${name} of the photo`;
        const size = await sizeOf(image);
        told.textContent = `${size} · ${kilobytes(blob.size)} · ${formatOf(blob)}`;
        sizes.set(name, blob.size);
        bar.dataset.bytes = String(blob.size);
      } catch (error) {
        told.textContent = error instanceof Error ? error.message : String(error);
      }
      drawBars();
    };
    element.addEventListener('seen', () => {
      waiting.push(render);
      next();
    });
    return element;
  }

  const fieldsOf = (name: string) => presets.find((preset) => preset.name === name)?.fields ?? {};

  function drawBars(): void {
    const most = Math.max(1, ...sizes.values());
    for (const bar of sheet.querySelectorAll<HTMLElement>('.bar'))
      bar.style.width = `${(100 * Number(bar.dataset.bytes ?? 0)) / most}%`;
  }

  return {
    show(id, version) {
      round += 1;
      waiting.length = 0;
      sizes.clear();
      seen.disconnect();
      for (const image of sheet.querySelectorAll('img'))
        if (image.src.startsWith('blob:')) URL.revokeObjectURL(image.src);
      const entries = presets.map(({ name }) => entry(name, id, version, round));
      sheet.replaceChildren(...entries);
      for (const each of entries) seen.observe(each);
    },
  };
}
