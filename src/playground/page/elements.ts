/** The page's elements. Texts go in as texts, never as markup: ids, names and overlays are other people's words. */

type Child = Node | string | undefined | false;
interface Props {
  readonly class?: string | undefined;
  readonly text?: string | undefined;
  readonly data?: Readonly<Record<string, string>>;
  readonly on?: Readonly<Record<string, (event: Event) => void>>;
  /** Attributes; `false` and `undefined` leave one out. */
  readonly [attribute: string]: unknown;
}

const OWN = new Set(['class', 'text', 'data', 'on']);

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (props.class) element.className = props.class;
  if (props.text !== undefined) element.textContent = props.text;
  Object.assign(element.dataset, props.data ?? {});
  for (const [name, listener] of Object.entries(props.on ?? {})) element.addEventListener(name, listener);
  for (const [name, value] of Object.entries(props))
    if (!OWN.has(name) && value !== undefined && value !== false)
      element.setAttribute(name, value === true ? '' : String(value));
  element.append(...children.filter((child) => child !== undefined && child !== false));
  return element;
}

/** An element of page.html. Throws where it is another one or none. */
export function byId<T extends Element>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (found instanceof type) return found;
  throw new Error(`The page has no ${type.name} #${id}.`);
}

export function button(text: string, click: () => void, props: Props = {}): HTMLButtonElement {
  return h('button', { type: 'button', ...props, text, on: { click } });
}

let count = 0;
/** For labels. */
export const newId = () => `c${++count}`;

/** Fills a select and keeps what was chosen, where it is still there. */
export function fill(select: HTMLSelectElement, options: readonly (readonly [value: string, text: string])[]): void {
  const before = select.value;
  select.replaceChildren(...options.map(([value, text]) => new Option(text, value, false, value === before)));
}

export function kilobytes(bytes: number): string {
  return bytes < 1024 ? `${bytes} B` : `${(bytes / 1024).toFixed(1)} KB`;
}

/** Once it is there. A browser may not read what the server made, such as JPEG XL. */
export async function sizeOf(image: HTMLImageElement): Promise<string> {
  try {
    await image.decode();
    return `${image.naturalWidth} × ${image.naturalHeight}`;
  } catch {
    return 'not shown by this browser';
  }
}
