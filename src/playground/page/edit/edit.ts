import type { FractionBox } from '../boxes.ts';
import { button, byId, h } from '../elements.ts';
import type { About, Details } from '../server.ts';
import { boxHandle, type Handle, pointHandle } from '../stage/handles.ts';
import { keepToken, patchImage, readToken } from './token.ts';
import { fromSeen, into, type Move, moved, outOf, type Pending, patchOf, pendingOf, tidy, toSeen } from './turns.ts';

/** Turns, flips, crops, focuses and covers an original for all its renditions, over the picture, and saves it through the API. */
export interface EditPanel {
  /** The original that would be edited, and what is known of it. */
  show(id: string, details: Details): void;
}

interface EditOptions {
  readonly server: About['server'];
  /** The picture as its saved edit shows it. */
  readonly image: HTMLImageElement;
  readonly canvas: HTMLCanvasElement;
  readonly layer: HTMLElement;
  /** Editing begins or ends. */
  onEditing(is: boolean): void;
  onSaved(id: string): Promise<void>;
}

export function createEditPanel({ server, image, canvas, layer, ...on }: EditOptions): EditPanel {
  const panel = byId('edit', HTMLDetailsElement);
  const status = byId('edit-status', HTMLElement);
  const token = byId('token', HTMLInputElement);
  const alt = byId('alt', HTMLInputElement);
  const save = byId('save-edit', HTMLButtonElement);
  let [id, saved] = ['', pendingOf()];
  let pending = saved;
  let boxes: Handle<FractionBox>[] = [];
  const frame = () => layer;
  const crop = boxHandle({
    ...{ label: 'Crop of the original', kind: 'cut of-edit', frame },
    set: (box) => change({ crop: outOf(box, pending.seen) }),
    remove: () => change({ crop: undefined }),
  });
  const focus = pointHandle({
    ...{ label: 'Focus of the original', kind: 'focal of-edit', frame },
    set: ({ x, y }) => change({ focus: pointOf(outOf({ x, y, width: 0, height: 0 }, pending.seen)) }),
  });

  const buttons = {
    left: button('Turn left', () => turn('left')),
    right: button('Turn right', () => turn('right')),
    horizontal: button('Flip left and right', () => turn('horizontal')),
    vertical: button('Flip top and bottom', () => turn('vertical')),
    crop: button('Crop', () => change({ crop: isCropped() ? undefined : inner(0.1) }), { class: 'tool' }),
    focus: button('Focus', () => change({ focus: pending.focus ? undefined : pointOf(inner(0.5)) }), { class: 'tool' }),
    cover: button('Cover a part', () => change({ redact: [...pending.redact, fromSeen(MIDDLE, pending)] }), {
      class: 'tool',
    }),
    uncover: button('Uncover all', () => change({ redact: [] })),
  };
  byId('edit-tools', HTMLElement).replaceChildren(...Object.values(buttons));

  const isCropped = () => pending.crop !== undefined;
  /** A box of what is seen, in fractions of the turned picture. */
  const inner = (edge: number) => outOf({ x: edge, y: edge, width: 1 - 2 * edge, height: 1 - 2 * edge }, pending.seen);

  function change(by: Partial<Pending>): void {
    pending = { ...pending, ...by };
    draw();
  }

  function turn(move: Move): void {
    pending = moved(pending, move);
    turnCanvas(canvas, move);
    draw();
  }

  function draw(): void {
    const editing = panel.open && id !== '';
    layer.hidden = !editing;
    canvas.hidden = !editing;
    image.hidden = editing;
    if (!editing) return;
    const covered = pending.redact.map((box) => toSeen(box, pending));
    if (boxes.length !== covered.length) boxes = covered.map((_, index) => coverHandle(index));
    const cut = pending.crop && tidy(into(pending.crop, pending.seen));
    const at = pending.focus && into({ ...pending.focus, width: 0, height: 0 }, pending.seen);
    const shown = [...(cut ? [crop] : []), ...boxes, ...(at ? [focus] : [])].map(({ element }) => element);
    if (shown.length !== layer.children.length || shown.some((element, index) => layer.children[index] !== element))
      layer.replaceChildren(...shown);
    if (cut) crop.show(cut);
    if (at) focus.show(at);
    for (const [index, box] of boxes.entries()) box.show(covered[index] as FractionBox);
    buttons.crop.setAttribute('aria-pressed', String(isCropped()));
    buttons.focus.setAttribute('aria-pressed', String(pending.focus !== undefined));
    buttons.uncover.disabled = pending.redact.length === 0;
    const patch = patchOf(saved, pending);
    save.disabled = Object.keys(patch).length === 0 || !server.edits;
    byId('edit-body', HTMLTextAreaElement).value = JSON.stringify(patch, undefined, 2);
    if (saved.crop && !pending.crop) say('What the crop cut off is seen once this is saved.');
  }

  function coverHandle(index: number): Handle<FractionBox> {
    const put = (...by: FractionBox[]) => change({ redact: pending.redact.toSpliced(index, 1, ...by) });
    const [label, kind] = [`Covered part ${index + 1} of the original`, 'cover of-edit'];
    return boxHandle({ label, kind, frame, set: (box) => put(fromSeen(box, pending)), remove: () => put() });
  }

  function begin(): void {
    pending = saved;
    boxes = [];
    alt.value = saved.alt;
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    if (image.naturalWidth > 0) canvas.getContext('2d')?.drawImage(image, 0, 0);
    on.onEditing(panel.open);
    draw();
  }

  async function send(): Promise<void> {
    keepToken(token.value);
    say('Saving…');
    save.disabled = true;
    try {
      await patchImage(id, patchOf(saved, pending), token.value);
      await on.onSaved(id);
      say('Saved: all renditions follow.');
    } catch (error) {
      say(error instanceof Error ? error.message : String(error));
      draw();
    }
  }

  const say = (text: string) => {
    status.textContent = text;
  };
  token.value = readToken();
  token.addEventListener('change', () => keepToken(token.value));
  byId('forget-token', HTMLButtonElement).addEventListener('click', () => {
    token.value = '';
    keepToken('');
  });
  alt.addEventListener('input', () => change({ alt: alt.value }));
  byId('edit-form', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    if (!save.disabled) void send();
  });
  byId('discard-edit', HTMLButtonElement).addEventListener('click', begin);
  panel.addEventListener('toggle', begin);
  image.addEventListener('load', begin);
  byId('edit-off', HTMLElement).hidden = server.edits;

  return {
    show(next, { edit, alt: text }) {
      const same = next === id && JSON.stringify(saved) === JSON.stringify(pendingOf(edit, text));
      [id, saved] = [next, pendingOf(edit, text)];
      if (!same) begin();
    },
  };
}

const MIDDLE: FractionBox = { x: 0.4, y: 0.4, width: 0.2, height: 0.2 };
const pointOf = ({ x, y }: FractionBox) => ({ x, y });

/** Turns or flips what was drawn. */
function turnCanvas(canvas: HTMLCanvasElement, move: Move): void {
  const { width, height } = canvas;
  const copy = h('canvas', { width, height });
  copy.getContext('2d')?.drawImage(canvas, 0, 0);
  const isTurn = move === 'left' || move === 'right';
  if (isTurn) [canvas.width, canvas.height] = [height, width];
  const context = canvas.getContext('2d');
  if (!context) return;
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.save();
  if (move === 'right') context.transform(0, 1, -1, 0, height, 0);
  if (move === 'left') context.transform(0, -1, 1, 0, 0, width);
  if (move === 'horizontal') context.transform(-1, 0, 0, 1, width, 0);
  if (move === 'vertical') context.transform(1, 0, 0, -1, 0, height);
  context.drawImage(copy, 0, 0);
  context.restore();
}
