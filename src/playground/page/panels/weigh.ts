import { byId, h, kilobytes } from '../elements.ts';
import type { Json } from '../fields/field.ts';
import { choiceOf } from '../live.ts';
import { call, type Draft, picture, stepsOf } from '../server.ts';
import type { State, Store } from '../state.ts';

/** What the preset weighs and takes in each format at several qualities, as bars. Rendered one after another when it is asked for. */

const FORMATS = ['avif', 'webp', 'jpeg'] as const;
const AROUND = [-25, -10, 0, 10] as const;

interface Measured {
  readonly bytes: number;
  /** Milliseconds of the encode; undefined where the server still had the picture. */
  readonly ms: number | undefined;
}

export function createWeighPanel(store: Store, v: () => string | undefined): void {
  const table = byId('weigh', HTMLTableSectionElement);
  const start = byId('weigh-start', HTMLButtonElement);
  const status = byId('weigh-status', HTMLElement);
  /** By URL: a picture that the server remembers tells no time any more. */
  const known = new Map<string, Measured>();
  let running: AbortController | undefined;

  async function measure(state: State, format: string, quality: Json, signal: AbortSignal): Promise<Measured> {
    const { qualities: _, maxBytes: __, ssim: ___, ...others } = state.fields;
    const fields = { ...others, format, quality };
    const { format: ____, download: _____, ...choice } = choiceOf(state, v());
    const draft = await call<Draft>('draft', { ...choice, fields }, signal);
    if (draft.faults || draft.url === undefined)
      throw new Error(draft.faults?.[0]?.message ?? 'It cannot be rendered here.');
    const before = known.get(draft.url);
    if (before) return before;
    const { blob, headers } = await picture(draft.url, { signal });
    const encode = stepsOf(headers).find(([name]) => name === 'encode')?.[1];
    const measured = { bytes: blob.size, ms: encode };
    if (known.size > 500) known.clear();
    known.set(draft.url, measured);
    return measured;
  }

  async function run(): Promise<void> {
    running?.abort();
    const mine = new AbortController();
    running = mine;
    const { state } = store;
    const own = typeof state.fields.quality === 'number' ? state.fields.quality : 80;
    const qualities = [...new Set(AROUND.map((by) => Math.min(100, Math.max(1, own + by))))];
    const rows = FORMATS.flatMap((format) =>
      qualities.map((quality) => ({ format, quality, ...rowOf(format, quality, quality === own) })),
    );
    table.replaceChildren(...rows.map(({ element }) => element));
    status.textContent = 'Rendering…';
    const found: { readonly row: (typeof rows)[number]; readonly measured: Measured }[] = [];
    for (const row of rows) {
      try {
        found.push({ row, measured: await measure(state, row.format, row.quality, mine.signal) });
      } catch (error) {
        if (mine.signal.aborted) return;
        row.fail(error instanceof Error ? error.message : String(error));
      }
      const mostBytes = Math.max(...found.map(({ measured }) => measured.bytes), 1);
      const mostMs = Math.max(...found.map(({ measured }) => measured.ms ?? 0), 1);
      for (const { row: each, measured } of found) each.show(measured, mostBytes, mostMs);
    }
    status.textContent = 'Bytes of each file, and milliseconds of its encode.';
  }

  start.addEventListener('click', () => void run());
  store.onChange((state, before) => {
    if (state.fields === before.fields && state.id === before.id && state.size === before.size) return;
    running?.abort();
    if (table.children.length > 0) status.textContent = 'Of the preset before it was changed.';
  });
}

function rowOf(format: string, quality: number, own: boolean) {
  const [bytes, ms] = [barOf('bytes'), barOf('ms')];
  const name = h('th', { scope: 'row', text: `${format} ${quality}` });
  const element = h('tr', { class: own ? 'own' : undefined }, name, bytes.element, ms.element);
  return {
    element,
    show(measured: Measured, mostBytes: number, mostMs: number) {
      bytes.show(measured.bytes / mostBytes, kilobytes(measured.bytes));
      if (measured.ms === undefined) ms.show(0, 'kept');
      else ms.show(measured.ms / mostMs, `${Math.round(measured.ms)} ms`);
    },
    fail(text: string) {
      bytes.show(0, text);
    },
  };
}

function barOf(kind: string) {
  const bar = h('span', { class: `bar ${kind}` });
  const text = h('span', { class: 'figure' });
  return {
    element: h('td', {}, h('span', { class: 'track' }, bar), text),
    show(share: number, label: string) {
      bar.style.width = `${Math.max(share > 0 ? 1 : 0, 100 * share)}%`;
      text.textContent = label;
    },
  };
}
