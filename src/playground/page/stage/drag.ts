/** Dragging by mouse, finger, pen and arrow keys. */

export interface DragTarget {
  /** By fractions of the picture since the drag began. Called for each movement. */
  move(across: number, down: number): void;
  /** A drag begins: what follows counts from here. */
  start(): void;
}

const STEP = 0.01;
const LARGE_STEP = 0.1;
const KEYS: Readonly<Record<string, readonly [across: number, down: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** `frame`: the element whose size is the picture's on the screen. */
export function draggable(element: HTMLElement, frame: () => HTMLElement, target: DragTarget): void {
  let from: { readonly x: number; readonly y: number } | undefined;
  element.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    event.stopPropagation();
    element.focus();
    element.setPointerCapture(event.pointerId);
    from = { x: event.clientX, y: event.clientY };
    target.start();
  });
  element.addEventListener('pointermove', (event) => {
    if (!from) return;
    const { width, height } = frame().getBoundingClientRect();
    if (width > 0 && height > 0) target.move((event.clientX - from.x) / width, (event.clientY - from.y) / height);
  });
  const end = () => {
    from = undefined;
  };
  element.addEventListener('pointerup', end);
  element.addEventListener('pointercancel', end);
  element.addEventListener('keydown', (event) => {
    const [across, down] = KEYS[event.key] ?? [];
    if (across === undefined || down === undefined) return;
    event.preventDefault();
    const step = event.shiftKey ? LARGE_STEP : STEP;
    target.start();
    target.move(across * step, down * step);
  });
}
