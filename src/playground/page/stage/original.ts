import type { Box, FractionBox } from '../boxes.ts';
import { h } from '../elements.ts';
import type { Json } from '../fields/field.ts';
import type { Details } from '../server.ts';
import type { PresetFields, Store } from '../state.ts';
import { boxHandle, type Handle, pointHandle } from './handles.ts';

/** Over the original: faces and what the rendition shows of it, and the focal point, crop and boxes of the preset, to be dragged. */
export interface OriginalStage {
  /** What is known of the original under this preset. */
  show(details: Details): void;
  /** An edit of the original is made instead: what belongs to the preset is put away. */
  editing(is: boolean): void;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

export function createOriginalStage(store: Store, layer: HTMLElement, tools: HTMLElement): OriginalStage {
  let details: Details = {};
  let hidden = false;
  const frame = () => layer;
  const marks = h('div', { class: 'marks', 'aria-hidden': true });
  const point = pointHandle({
    label: 'Focal point',
    kind: 'focal',
    frame,
    set: (at) => store.setField('gravity', { ...at }),
  });
  const crop = boxHandle({
    label: 'Crop',
    kind: 'cut',
    frame,
    set: (box) => store.setField('crop', asPercent(box)),
    remove: () => store.setField('crop', undefined),
  });
  let boxes: Handle<FractionBox>[] = [];
  const held = h('div', { class: 'held' });
  layer.replaceChildren(marks, held);

  const focusTool = tool('Focal point', () => {
    const { fields } = store.state;
    if (pointOf(fields)) return store.setField('gravity', undefined);
    const { width, height } = fields;
    // A focal point is for cover, which needs both sides.
    const sides = fields.aspectRatio ? {} : { width: width ?? height ?? 600, height: height ?? width ?? 600 };
    store.update({ fields: { ...fields, ...sides, fit: 'cover', gravity: { x: 0.5, y: 0.5 } } });
    point.element.focus();
  });
  const cropTool = tool('Crop', () => {
    store.setField(
      'crop',
      store.state.fields.crop ? undefined : asPercent({ x: 0.1, y: 0.1, width: 0.8, height: 0.8 }),
    );
    if (store.state.fields.crop) crop.element.querySelector('button')?.focus();
  });
  const coverTool = tool('Cover a part', () => {
    const { redact } = store.state.fields;
    const before = boxesOf(store.state.fields);
    const next = [...before, { x: 0.4, y: 0.4, width: 0.2, height: 0.2 }].slice(0, 16);
    store.setField('redact', { ...(redact as object | undefined), boxes: next.map((box) => ({ ...box })) });
    boxes.at(-1)?.element.querySelector('button')?.focus();
  });
  tools.replaceChildren(focusTool, cropTool, coverTool);

  function draw(): void {
    const { fields } = store.state;
    const [at, cut, covered] = [pointOf(fields), cropOf(fields, details), boxesOf(fields)];
    tools.hidden = hidden;
    held.hidden = hidden;
    focusTool.setAttribute('aria-pressed', String(at !== undefined));
    cropTool.setAttribute('aria-pressed', String(fields.crop !== undefined));
    coverTool.setAttribute('aria-pressed', String(covered.length > 0));
    if (boxes.length !== covered.length) boxes = covered.map((_, index) => coverBox(index));
    const shown = [...(cut ? [crop] : []), ...boxes, ...(at ? [point] : [])].map(({ element }) => element);
    if (shown.length !== held.children.length || shown.some((element, index) => held.children[index] !== element))
      held.replaceChildren(...shown);
    if (at) point.show(at);
    if (cut) crop.show(cut);
    for (const [index, box] of boxes.entries()) box.show(covered[index] as FractionBox);
    marks.hidden = hidden;
    const faces = (details.faces ?? []).map((face) => mark('face', face));
    marks.replaceChildren(
      ...faces,
      ...(details.window && !isWhole(details.window) ? [mark('window', details.window)] : []),
    );
  }

  function coverBox(index: number): Handle<FractionBox> {
    const put = (...by: FractionBox[]) => {
      const all = boxesOf(store.state.fields)
        .toSpliced(index, 1, ...by)
        .map((box) => ({ ...box }));
      const { boxes: _, style, ...rest } = store.state.fields.redact as { readonly [name: string]: Json };
      const next = { ...rest, ...(all.length > 0 ? { boxes: all, ...(style ? { style } : {}) } : {}) };
      store.setField('redact', Object.keys(next).length > 0 ? next : undefined);
    };
    const [label, kind] = [`Covered part ${index + 1}`, 'cover'];
    return boxHandle({ label, kind, frame, set: put, remove: () => put() });
  }

  store.onChange(draw);
  return {
    show(next) {
      details = next;
      draw();
    },
    editing(is) {
      hidden = is;
      draw();
    },
  };
}

function tool(text: string, click: () => void): HTMLButtonElement {
  return h('button', { type: 'button', class: 'tool', 'aria-pressed': 'false', text, on: { click } });
}

function mark(kind: string, { left, top, width, height }: Box): HTMLElement {
  const element = h('div', { class: `mark ${kind}` });
  const percent = (value: number) => `${(value * 100).toFixed(3)}%`;
  Object.assign(element.style, {
    left: percent(left),
    top: percent(top),
    width: percent(width),
    height: percent(height),
  });
  return element;
}

const isWhole = ({ width, height }: Box) => width > 0.998 && height > 0.998;

function pointOf({ gravity }: PresetFields): Point | undefined {
  const { x, y } = (typeof gravity === 'object' ? gravity : {}) as Partial<Point>;
  return typeof x === 'number' && typeof y === 'number' ? { x, y } : undefined;
}

/** In fractions; one in pixels needs the original's size. What reaches beyond the picture is left out, as the server does. */
function cropOf({ crop }: PresetFields, { width: across, height: down }: Details): FractionBox | undefined {
  if (typeof crop !== 'object' || crop === null || !across || !down) return undefined;
  const { x = 0, y = 0, width = 0, height = 0 } = crop as { readonly [side: string]: Json };
  const [left, top] = [fraction(x, across), fraction(y, down)].map((at) => Math.min(Math.max(at, 0), 0.99));
  if (left === undefined || top === undefined) return undefined;
  const box = { width: Math.min(fraction(width, across), 1 - left), height: Math.min(fraction(height, down), 1 - top) };
  return [left, top, box.width, box.height].every(Number.isFinite) ? { x: left, y: top, ...box } : undefined;
}

const fraction = (side: Json, of: number) =>
  typeof side === 'number' ? side / of : Number.parseFloat(String(side)) / 100;

function asPercent({ x, y, width, height }: FractionBox) {
  const text = (value: number) => `${Number((value * 100).toFixed(2))}%`;
  return { x: text(x), y: text(y), width: text(width), height: text(height) };
}

function boxesOf({ redact }: PresetFields): FractionBox[] {
  const { boxes } = (redact ?? {}) as { readonly boxes?: unknown };
  const isBox = (box: unknown): box is FractionBox =>
    typeof box === 'object' &&
    box !== null &&
    ['x', 'y', 'width', 'height'].every((side) => Number.isFinite((box as Record<string, unknown>)[side]));
  return Array.isArray(boxes) ? boxes.filter(isBox) : [];
}
