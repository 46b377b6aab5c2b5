/** The playground's page, which runs in the browser: it builds the parts and hands them to each other. The signing key stays with the server. */
import { keepAddress, stateOf } from './address.ts';
import { createEditPanel } from './edit/edit.ts';
import { byId } from './elements.ts';
import { keepLooking } from './live.ts';
import { createChoosePanel, plainPresets } from './panels/choose.ts';
import { createCopyPanel } from './panels/copy.ts';
import { createFieldsPanel } from './panels/fields.ts';
import { createPhotosPanel } from './panels/photos.ts';
import { createSheetPanel } from './panels/sheet.ts';
import { createWeighPanel } from './panels/weigh.ts';
import { type About, call, type Details } from './server.ts';
import { createOriginalStage } from './stage/original.ts';
import { createOverlayChips } from './stage/overlays.ts';
import { createResultStage } from './stage/result.ts';
import { createStore, type PresetFields, type State } from './state.ts';

/** Opened first where it is there: it shows a crop and a face. */
const SAMPLE = 'astronaut.jpg';
const BUSY_AFTER_MS = 400;

const status = byId('status', HTMLParagraphElement);
let saying = 0;
function say(text: string, kind: 'busy' | 'done' | 'failed' = 'done'): void {
  status.dataset.kind = kind;
  document.body.dataset.look = kind;
  window.clearTimeout(saying);
  const write = () => {
    status.textContent = text;
  };
  // What is over at once is not worth a word, least of all read aloud.
  if (kind === 'busy') saying = window.setTimeout(write, BUSY_AFTER_MS);
  else write();
}

async function start(): Promise<void> {
  const told = await call<About>('presets');
  const about = { ...told, presets: plainPresets(told.presets) };
  const own: Readonly<Record<string, PresetFields>> = Object.fromEntries(
    about.presets.map(({ name, fields }) => [name, fields]),
  );
  const store = createStore();
  /** The `v` of originals that were edited, by id. */
  const versions = new Map<string, string | undefined>();
  const v = () => versions.get(store.state.id);

  const photos = createPhotosPanel(store, say);
  const { choose } = createChoosePanel(store, about);
  const fields = createFieldsPanel(store, byId('controls', HTMLElement), about);
  const original = createOriginalStage(store, byId('original-layer', HTMLElement), byId('tools', HTMLElement));
  const result = createResultStage(store);
  const chips = createOverlayChips(store, byId('result-layer', HTMLElement));
  const copies = createCopyPanel(store, byId('copies', HTMLElement), say);
  const sheet = createSheetPanel(store, about, choose);
  createWeighPanel(store, v);
  const image = byId('original', HTMLImageElement);
  const edit = createEditPanel({
    ...{
      server: about.server,
      image,
      canvas: byId('edit-canvas', HTMLCanvasElement),
      layer: byId('edit-layer', HTMLElement),
    },
    onEditing: (is) => {
      original.editing(is);
      if (is && narrow.matches) store.update({ view: 'original' });
    },
    onSaved: async (id) => {
      await openOriginal(id);
      live.again();
    },
  });
  const live = keepLooking(store, v, {
    status: say,
    faults: fields.faults,
    look: (look) => {
      copies.show(look);
      result.show(look).then(({ width, height }) => {
        size = { width, height };
        chips.show(size, unit);
      }, ignored);
    },
    details: (details, { state }) => {
      lookedAt = state.id;
      unit = details.unit ?? 1;
      original.show(details);
      describe(details);
      chips.show(size, unit);
    },
  });
  let [size, unit, lookedAt] = [{ width: 0, height: 0 }, 1, ''];

  /** The picture as its edit shows it, asked for by the version of that edit, because browsers keep the one before. */
  async function openOriginal(id: string): Promise<void> {
    const details = await call<Details>('details', { id });
    versions.set(id, details.v);
    if (store.state.id !== id) return;
    const version = details.v ? { version: details.v } : {};
    const { url, thumb } = await call<{ url: string; thumb: string }>('whole', { id, ...version });
    if (store.state.id !== id) return;
    image.src = details.message === undefined ? url : '';
    if (details.v) photos.refresh(id, thumb);
    // A look knows the faces and the window too, and may have been faster.
    if (lookedAt !== id) {
      original.show(details);
      describe(details);
    }
    edit.show(id, details);
    sheet.show(id, details.v);
  }

  store.onChange((state, before) => {
    document.body.dataset.view = state.view;
    drawView(state);
    document.body.classList.toggle('empty', state.id === '');
    if (state.id !== before.id && state.id !== '') {
      openOriginal(state.id)
        .then(() => v() !== undefined && live.again())
        .catch((error) => say(error.message, 'failed'));
    }
  });
  for (const input of document.querySelectorAll<HTMLInputElement>('input[name="view"]'))
    input.addEventListener('change', () => store.update({ view: input.value as State['view'] }));

  const ids = await photos.list();
  const asked = stateOf(location.hash, own);
  const id = asked.id ?? (ids.includes(SAMPLE) ? SAMPLE : (ids[0] ?? ''));
  const from = asked.from ?? (asked.fields ? '' : openingPreset(about.presets));
  keepAddress(store, own);
  store.update({ from, fields: own[from] ?? { width: 600 }, ...asked, id });
  welcome(about, ids.length, id);
  document.body.classList.add('ready');
}

/** The largest that cuts something off, so that the crop is seen. */
function openingPreset(presets: About['presets']): string {
  const area = ({ width, height }: PresetFields) => Number(width ?? 0) * Number(height ?? 0);
  const cuts = presets.filter(({ fields }) => fields.fit === 'cover').sort((a, b) => area(b.fields) - area(a.fields));
  return (cuts[0] ?? presets[0])?.name ?? '';
}

function describe({ width, height, format, message, faces }: Details): void {
  const seen = faces ? `${faces.length} ${faces.length === 1 ? 'face' : 'faces'}` : 'faces not looked for';
  byId('original-metadata', HTMLElement).textContent =
    message ?? [`${width} × ${height}`, format, seen].filter(Boolean).join(' · ');
}

/** What an empty server says: what this is, and how a first picture gets here. */
function welcome({ server }: About, count: number, id: string): void {
  const box = byId('welcome', HTMLElement);
  box.hidden = count > 0 || id !== '';
  const folder = server.originals === 'folder';
  byId('welcome-where', HTMLElement).textContent = folder
    ? 'There is no original in the folder of DARKROOM_ORIGINALS yet: drop a photo above, or put one there and load this page again.'
    : 'Originals of a bucket or an origin are not listed: type the id of one above, or drop a photo.';
  byId('drop', HTMLElement).hidden = !server.uploads;
}

const narrow = matchMedia('(max-width: 699px)');

/** On a wide page the original is always beside the result. */
function drawView({ view }: State): void {
  const shown = view === 'original' && !narrow.matches ? 'result' : view;
  for (const input of document.querySelectorAll<HTMLInputElement>('input[name="view"]'))
    input.checked = input.value === shown;
}

const ignored = () => undefined;
start().catch((error) => say(error.message, 'failed'));
