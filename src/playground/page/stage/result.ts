import { byId, h, kilobytes, sizeOf } from '../elements.ts';
import type { Look } from '../live.ts';
import { formatOf, stepsOf } from '../server.ts';
import type { Store } from '../state.ts';

/** The rendition, to the byte as a page would get it, and before it the same part of the original with a divider between them. */
export interface ResultStage {
  show(look: Look): Promise<{ readonly width: number; readonly height: number }>;
}

/** Calm colours that are told apart beside each other, dark text on them. */
const STEP_COLOURS = ['#f2cf7d', '#a9cfae', '#9cc7dc', '#e6b3c4', '#f0b08f', '#c4b7dd', '#cfccc2'];

export function createResultStage(store: Store): ResultStage {
  const image = byId('rendition', HTMLImageElement);
  const before = byId('before', HTMLImageElement);
  const divider = byId('divider', HTMLInputElement);
  const frame = byId('result-frame', HTMLElement);
  let beforeUrl: string | undefined;

  const divide = () => frame.style.setProperty('--at', `${divider.value}%`);
  divider.addEventListener('input', divide);
  divide();

  function compare(): void {
    const comparing = store.state.view === 'compare';
    frame.classList.toggle('compared', comparing && beforeUrl !== undefined);
    // Nothing is rendered that is not looked at.
    if (comparing && beforeUrl !== undefined && before.src !== beforeUrl) before.src = beforeUrl;
    const note = byId('compare-note', HTMLElement);
    note.hidden = !comparing;
    note.textContent =
      beforeUrl === undefined
        ? 'There is no before to compare this with.'
        : 'Left of the divider: the same part at the same size, before it is adjusted, drawn on and encoded.';
  }

  store.onChange((state, old) => {
    if (state.view !== old.view) compare();
  });

  return {
    async show({ draft, rendition }) {
      beforeUrl = draft.before;
      compare();
      if (!rendition) return { width: 0, height: 0 };
      const old = image.src;
      image.src = URL.createObjectURL(rendition.blob);
      if (old.startsWith('blob:')) URL.revokeObjectURL(old);
      const shown = await sizeOf(image);
      const { naturalWidth: width, naturalHeight: height } = image;
      const { blob, headers } = rendition;
      byId('rendition-metadata', HTMLElement).textContent = [
        shown,
        kilobytes(blob.size),
        formatOf(blob),
        headers.get('cache-status') ?? '',
        headers.get('x-darkroom-max-bytes') === 'exceeded' ? 'larger than maxBytes' : '',
      ]
        .filter(Boolean)
        .join(' · ');
      drawTiming(headers);
      return { width, height };
    },
  };
}

function drawTiming(headers: Headers): void {
  const steps = stepsOf(headers);
  const total = steps.find(([name]) => name === 'total')?.[1] ?? 0;
  const parts = steps.filter(([name]) => name !== 'total');
  const bar = byId('timing', HTMLElement);
  bar.setAttribute('aria-label', `Server timing: ${steps.map(([name, ms]) => `${name} ${ms} ms`).join(', ')}`);
  bar.hidden = parts.length === 0;
  bar.replaceChildren(
    ...parts.map(([name, ms], index) => {
      const part = h('span', { text: `${name} ${ms} ms`, title: `${name} ${ms} ms` });
      part.style.flexGrow = String(Math.max(0.02 * total, ms));
      part.style.background = STEP_COLOURS[index % STEP_COLOURS.length] ?? '';
      return part;
    }),
  );
  byId('timing-total', HTMLElement).textContent = `${total} ms on the server`;
}
