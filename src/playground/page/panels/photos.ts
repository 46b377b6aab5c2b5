import { byId, h } from '../elements.ts';
import { call } from '../server.ts';
import type { Store } from '../state.ts';

/** The originals of a folder, those that were uploaded here, and any other by its id. */
export interface PhotosPanel {
  /** Fills the strip. Resolves to the ids. */
  list(): Promise<readonly string[]>;
  /** Another picture of the same original: it was edited. */
  refresh(id: string, thumb: string): void;
}

interface Listed {
  readonly images: readonly { readonly id: string; readonly thumb: string }[];
  readonly all: number;
}

export function createPhotosPanel(store: Store, say: (text: string) => void): PhotosPanel {
  const strip = byId('photos', HTMLUListElement);
  const idField = byId('id', HTMLInputElement);
  const drop = byId('drop', HTMLElement);
  const file = byId('file', HTMLInputElement);

  function press(): void {
    const { id } = store.state;
    for (const each of strip.querySelectorAll('button'))
      each.setAttribute('aria-pressed', String(each.dataset.id === id));
    if (document.activeElement !== idField) idField.value = id;
    idField.setCustomValidity('');
  }

  function entry({ id, thumb }: Listed['images'][number]): HTMLElement {
    const image = h('img', { src: thumb, alt: id, width: 72, height: 72, loading: 'lazy' });
    const choose = h('button', { type: 'button', data: { id }, title: id, 'aria-pressed': 'false' }, image);
    choose.addEventListener('click', () => store.update({ id, version: '' }));
    return h('li', {}, choose);
  }

  async function list(): Promise<readonly string[]> {
    const { images, all } = await call<Listed>('images');
    strip.replaceChildren(...images.map(entry));
    byId('photos-more', HTMLElement).textContent =
      all > images.length ? `${all - images.length} more: type an id.` : '';
    press();
    return images.map(({ id }) => id);
  }

  async function upload(chosen: File): Promise<void> {
    say(`Uploading ${chosen.name}…`);
    interface Offer {
      readonly imageId: string;
      readonly uploadUrl: string;
      readonly headers: Record<string, string>;
    }
    const offer = await call<Offer>('upload-url', {
      filename: chosen.name,
      contentType: typeOf(chosen),
      size: chosen.size,
    });
    const { uploadUrl: url, headers } = offer;
    const answer = await fetch(url, { method: 'PUT', body: chosen, headers });
    if (!answer.ok) throw new Error(`The upload failed: ${answer.status}`);
    await call('complete', { id: offer.imageId });
    await list();
    say('');
    store.update({ id: offer.imageId, version: '' });
  }

  const take = (files: FileList | null | undefined) => {
    const [chosen] = files ?? [];
    if (chosen) upload(chosen).catch((error: Error) => say(error.message));
  };
  file.addEventListener('change', () => take(file.files));
  for (const name of ['dragover', 'dragleave', 'drop'] as const)
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle('over', name === 'dragover');
      if (name === 'drop') take(event.dataTransfer?.files);
    });
  idField.addEventListener('change', () => store.update({ id: idField.value.trim(), version: '' }));
  store.onChange((state, before) => {
    if (state.id !== before.id) press();
  });

  return {
    list,
    refresh(id, thumb) {
      for (const each of strip.querySelectorAll('button'))
        if (each.dataset.id === id) each.querySelector('img')?.setAttribute('src', thumb);
    },
  };
}

/** Browsers leave the type empty where the system does not know an ending, as that of HEIC. */
function typeOf({ type, name }: File): string {
  if (type !== '') return type;
  return /\.hei[cf]$|\.hif$/i.test(name) ? 'image/heic' : 'image/jpeg';
}
