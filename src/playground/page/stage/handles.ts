import type { FractionBox } from '../boxes.ts';
import { h } from '../elements.ts';
import { draggable } from './drag.ts';
import { within } from './numbers.ts';

/** A point or a box that lies over a picture and is moved by hand. All numbers are fractions of the picture. */
export interface Handle<T> {
  readonly element: HTMLElement;
  show(value: T): void;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

interface HandleOptions<T> {
  readonly label: string;
  /** Of the element's looks. */
  readonly kind: string;
  readonly frame: () => HTMLElement;
  set(value: T): void;
  /** By the key Delete. */
  remove?(): void;
}

const LEAST = 0.02;
const round = (value: number) => Number(value.toFixed(4));
const percent = (value: number) => `${round(value * 100)}%`;
const spoken = (value: number) => `${Math.round(value * 100)} %`;

export function pointHandle({ label, kind, frame, set }: HandleOptions<Point>): Handle<Point> {
  const element = h('button', { type: 'button', class: `point ${kind}` });
  let shown: Point = { x: 0.5, y: 0.5 };
  let from = shown;
  draggable(element, frame, {
    start: () => {
      from = shown;
    },
    move: (across, down) => set({ x: round(within(from.x + across, 0, 1)), y: round(within(from.y + down, 0, 1)) }),
  });
  return {
    element,
    show(value) {
      shown = value;
      element.style.left = percent(value.x);
      element.style.top = percent(value.y);
      const where = `${spoken(value.x)} from the left, ${spoken(value.y)} from the top`;
      element.setAttribute('aria-label', `${label}: ${where}. Arrow keys move it.`);
    },
  };
}

const CORNERS = [
  ['nw', 'Upper left corner'],
  ['ne', 'Upper right corner'],
  ['sw', 'Lower left corner'],
  ['se', 'Lower right corner'],
] as const;

export function boxHandle({ label, kind, frame, set, remove }: HandleOptions<FractionBox>): Handle<FractionBox> {
  let shown: FractionBox = { x: 0, y: 0, width: 1, height: 1 };
  let from = shown;
  const start = () => {
    from = shown;
  };
  const body = h('button', { type: 'button', class: 'body' });
  draggable(body, frame, {
    start,
    move(across, down) {
      const x = within(from.x + across, 0, 1 - from.width);
      set(rounded({ ...from, x, y: within(from.y + down, 0, 1 - from.height) }));
    },
  });
  body.addEventListener('keydown', ({ key }) => {
    if (key === 'Delete' || key === 'Backspace') remove?.();
  });
  const corners = CORNERS.map(([corner, name]) => {
    const element = h('button', { type: 'button', class: `corner ${corner}` });
    draggable(element, frame, { start, move: (across, down) => set(rounded(resized(from, corner, across, down))) });
    return { element, name };
  });
  const box = h('div', { class: `box ${kind}` }, body, ...corners.map((corner) => corner.element));
  // What lies outside of a crop is dimmed.
  const hole = kind.startsWith('cut') ? h('div', { class: 'hole' }) : undefined;
  const element = h('div', { class: 'handle' }, hole && h('div', { class: 'shade' }, hole), box);
  return {
    element,
    show(value) {
      shown = value;
      const { x, y, width, height } = value;
      const place = { left: percent(x), top: percent(y), width: percent(width), height: percent(height) };
      for (const each of [box, hole]) Object.assign(each?.style ?? {}, place);
      const size = `${spoken(width)} wide, ${spoken(height)} high, ${spoken(x)} from the left`;
      body.setAttribute(
        'aria-label',
        `${label}: ${size}, ${spoken(y)} from the top. Arrow keys move it${remove ? ', Delete removes it' : ''}.`,
      );
      for (const { element: corner, name } of corners)
        corner.setAttribute('aria-label', `${label}, ${name}. Arrow keys move it.`);
    },
  };
}

function resized(box: FractionBox, corner: string, across: number, down: number): FractionBox {
  const [right, bottom] = [box.x + box.width, box.y + box.height];
  const x = corner.endsWith('w') ? within(box.x + across, 0, right - LEAST) : box.x;
  const y = corner.startsWith('n') ? within(box.y + down, 0, bottom - LEAST) : box.y;
  const width = corner.endsWith('w') ? right - x : within(box.width + across, LEAST, 1 - x);
  const height = corner.startsWith('n') ? bottom - y : within(box.height + down, LEAST, 1 - y);
  return { x, y, width, height };
}

/** Rounding leads no box beyond the picture. */
function rounded({ x, y, width, height }: FractionBox): FractionBox {
  const [left, top] = [round(x), round(y)];
  return {
    ...{ x: left, y: top },
    ...{ width: Math.min(round(width), round(1 - left)), height: Math.min(round(height), round(1 - top)) },
  };
}
