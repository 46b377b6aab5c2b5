/** The playground's page, which runs in the browser. It knows signed URLs only; the key stays with the server. */

interface PresetInfo {
  readonly name: string;
  readonly widths: readonly number[];
  readonly pixelRatios: readonly number[];
  readonly formats: readonly string[];
}
interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}
interface Signed {
  readonly url: string;
  readonly markup: string;
}
interface Details {
  readonly width?: number;
  readonly height?: number;
  readonly format?: string;
  readonly message?: string;
  readonly faces?: readonly Box[];
  readonly crop?: Box;
}

const STEP_COLOURS = ['#ffd166', '#9bd1a5', '#8ecae6', '#f4a6c0', '#ff9b71', '#c3b1e1', '#d9d4c7'];

function element<T extends Element>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (found instanceof type) return found;
  throw new Error(`The page has no ${type.name} #${id}.`);
}
const photos = element('photos', HTMLUListElement);
const preset = element('preset', HTMLSelectElement);
const size = element('size', HTMLSelectElement);
const format = element('format', HTMLSelectElement);
const signed = ['download', 'version'].map((id) => element(id, HTMLInputElement));
const status = element('status', HTMLParagraphElement);
let presets: readonly PresetInfo[] = [];
let chosen = '';
/** Counts choices: answers to older ones are dropped. */
let round = 0;

async function call<T>(path: string, body?: unknown): Promise<T> {
  const init =
    body === undefined
      ? {}
      : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const answer = await fetch(`/playground/api/${path}`, init);
  const data = await answer.json();
  if (!answer.ok) throw new Error(data.message);
  return data;
}

function say(text: string): void {
  status.textContent = text;
}

function fill(select: HTMLSelectElement, options: readonly (readonly [value: string, text: string])[]): void {
  const before = select.value;
  select.replaceChildren(...options.map(([value, text]) => new Option(text, value, false, value === before)));
}

function offer(): void {
  const info = presets.find(({ name }) => name === preset.value);
  fill(size, [
    ['', 'as it is'],
    ...(info?.widths ?? []).map((width) => [`w${width}`, `${width} px wide`] as const),
    ...(info?.pixelRatios ?? []).filter((ratio) => ratio !== 1).map((ratio) => [`x${ratio}`, `${ratio}x`] as const),
  ]);
  fill(format, [['', "the preset's"], ...(info?.formats ?? []).map((name) => [name, name] as const)]);
}

async function show(): Promise<void> {
  if (chosen === '') return;
  round += 1;
  const mine = round;
  const sized = size.value.startsWith('w')
    ? { width: Number(size.value.slice(1)) }
    : size.value
      ? { pixelRatio: Number(size.value.slice(1)) }
      : {};
  const others = [format, ...signed].filter(({ value }) => value !== '').map(({ id, value }) => [id, value]);
  const choice = { id: chosen, preset: preset.value, ...sized, ...Object.fromEntries(others) };
  try {
    say('Developing…');
    const { url, markup } = await call<Signed>('sign', choice);
    const answer = await fetch(url);
    const blob = await answer.blob();
    if (mine !== round) return;
    if (!answer.ok) throw new Error(JSON.parse(await blob.text()).message);
    const image = element('rendition', HTMLImageElement);
    URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(blob);
    await image.decode();
    element('url', HTMLInputElement).value = url;
    element('markup', HTMLTextAreaElement).value = markup;
    element('rendition-metadata', HTMLElement).textContent = [
      `${image.naturalWidth} × ${image.naturalHeight}`,
      `${(blob.size / 1024).toFixed(1)} KB`,
      answer.headers.get('content-type'),
      answer.headers.get('cache-status'),
    ].join(' · ');
    drawTiming(answer.headers.get('server-timing') ?? '');
    say('');
    drawDetails(await call<Details>('details', choice));
  } catch (error) {
    if (mine === round) say(String(error instanceof Error ? error.message : error));
  }
}

function drawTiming(header: string): void {
  const steps = header.split(', ').map((step) => {
    const [name = '', ms = '0'] = step.split(';dur=');
    return [name, ms] as const;
  });
  const total = steps.find(([name]) => name === 'total')?.[1] ?? '0';
  const bar = element('timing', HTMLDivElement);
  bar.setAttribute('aria-label', `Server timing: ${steps.map(([name, ms]) => `${name} ${ms} ms`).join(', ')}`);
  bar.replaceChildren(
    ...steps.map(([name, ms], index) => {
      const part = document.createElement('span');
      part.textContent = `${name} ${ms} ms`;
      part.title = part.textContent;
      part.style.flexGrow = name === 'total' ? '0' : String(Math.max(0.02 * Number(total), Number(ms)));
      part.style.background = STEP_COLOURS[index % STEP_COLOURS.length] ?? '';
      return part;
    }),
  );
}

function drawDetails({ width, height, format: type, message, faces, crop }: Details): void {
  const lines = [
    width ? `${width} × ${height}` : message,
    type,
    faces ? `${faces.length} faces` : 'faces not looked for',
  ];
  element('original-metadata', HTMLElement).textContent = lines.filter(Boolean).join(' · ');
  const overlay = element('overlay', SVGSVGElement);
  overlay.setAttribute('viewBox', '0 0 1 1');
  overlay.setAttribute('preserveAspectRatio', 'none');
  const rectangle = (box: Box, kind: string) => {
    const rect = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
    rect.setAttribute('class', kind);
    const { left: x, top: y } = box;
    for (const [name, value] of Object.entries({ x, y, width: box.width, height: box.height }))
      rect.setAttribute(name, String(value));
    return rect;
  };
  overlay.replaceChildren(
    ...(faces ?? []).map((face) => rectangle(face, 'face')),
    ...(crop ? [rectangle(crop, 'crop')] : []),
  );
}

async function choose(id: string): Promise<void> {
  chosen = id;
  for (const button of photos.querySelectorAll('button'))
    button.setAttribute('aria-pressed', String(button.dataset.id === id));
  const { url } = await call<Signed>('whole', { id });
  element('original', HTMLImageElement).src = url;
  await show();
  const all = await Promise.all(
    presets.map(async ({ name }) => ({ name, ...(await call<Signed>('sign', { id, preset: name })) })),
  );
  element('all', HTMLUListElement).replaceChildren(
    ...all.map(({ name, url: src }) => {
      const item = document.createElement('li');
      const image = Object.assign(document.createElement('img'), { src, alt: `${name} of the photo`, loading: 'lazy' });
      item.append(image, Object.assign(document.createElement('span'), { textContent: name }));
      return item;
    }),
  );
}

async function list(): Promise<void> {
  const { images } = await call<{ images: { id: string; thumb: string }[] }>('images');
  photos.replaceChildren(
    ...images.map(({ id, thumb }) => {
      const item = document.createElement('li');
      const button = Object.assign(document.createElement('button'), { type: 'button' });
      button.dataset.id = id;
      button.setAttribute('aria-pressed', String(id === chosen));
      button.append(Object.assign(document.createElement('img'), { src: thumb, alt: id }));
      button.addEventListener('click', () => choose(id).catch((error) => say(error.message)));
      item.append(button);
      return item;
    }),
  );
  if (chosen === '' && images[0]) await choose(images[0].id);
}

async function upload(file: File): Promise<void> {
  say(`Uploading ${file.name}…`);
  const offered = await call<{ imageId: string; uploadUrl: string; headers: Record<string, string> }>('upload-url', {
    ...{ filename: file.name, contentType: file.type, size: file.size },
  });
  const sent = await fetch(offered.uploadUrl, { method: 'PUT', headers: offered.headers, body: file });
  if (!sent.ok) throw new Error(`The upload was refused (${sent.status}).`);
  await call('complete', { id: offered.imageId });
  await list();
  await choose(offered.imageId);
}

function start(): void {
  const drop = element('drop', HTMLLabelElement);
  const take = (files: FileList | null | undefined) => {
    const file = files?.[0];
    if (file) upload(file).catch((error) => say(error.message));
  };
  const chooser = element('file', HTMLInputElement);
  chooser.addEventListener('change', () => take(chooser.files));
  for (const name of ['dragover', 'dragleave', 'drop'] as const)
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle('over', name === 'dragover');
      if (name === 'drop') take(event.dataTransfer?.files);
    });
  preset.addEventListener('change', () => {
    offer();
    show();
  });
  for (const field of [size, format, ...signed]) field.addEventListener('change', show);
  for (const button of document.querySelectorAll<HTMLButtonElement>('[data-copy]'))
    button.addEventListener('click', async () => {
      const id = button.dataset.copy ?? '';
      const field = id === 'url' ? element(id, HTMLInputElement) : element(id, HTMLTextAreaElement);
      field.select();
      await navigator.clipboard.writeText(field.value);
      say('Copied.');
    });
}

start();
call<{ presets: PresetInfo[] }>('presets')
  .then(async (answer) => {
    presets = answer.presets;
    fill(
      preset,
      presets.map(({ name }) => [name, name] as const),
    );
    offer();
    await list();
  })
  .catch((error) => say(error.message));
