import { h } from '../elements.ts';
import type { Store } from '../state.ts';
import { draggable } from './drag.ts';
import { within } from './numbers.ts';
import { anchorOf, COLUMNS, movedTo, type Overlay, placeOf, ROWS } from './places.ts';

/**
 * A chip for each overlay over the rendition, at the corner, edge or middle by which its position names it. Dragged, it takes the
 * nearest of the nine positions and the offset from there.
 */
export interface OverlayChips {
  /** The rendition's size in its own pixels, and how many of them one pixel of the preset is. */
  show(size: { readonly width: number; readonly height: number }, unit: number): void;
}

export function createOverlayChips(store: Store, layer: HTMLElement): OverlayChips {
  let canvas = { width: 0, height: 0 };
  let unit = 1;
  let chips: HTMLButtonElement[] = [];

  const overlays = () =>
    (Array.isArray(store.state.fields.overlays) ? store.state.fields.overlays : []) as readonly Overlay[];

  function draw(): void {
    const all = overlays();
    if (chips.length !== all.length) {
      chips = all.map((_, index) => chipOf(index));
      layer.replaceChildren(...chips);
    }
    for (const [index, chip] of chips.entries()) place(chip, all[index] ?? {}, index);
  }

  function place(chip: HTMLButtonElement, overlay: Overlay, index: number): void {
    chip.hidden = overlay.tile === true || canvas.width === 0;
    const { x, y } = anchorOf(overlay, canvas, unit);
    const { column, row } = placeOf(overlay);
    const text = String(overlay.image ?? overlay.text ?? '');
    chip.style.left = `${(x * 100).toFixed(3)}%`;
    chip.style.top = `${(y * 100).toFixed(3)}%`;
    chip.dataset.across = COLUMNS[column] || 'center';
    chip.dataset.down = ROWS[row] || 'center';
    chip.title = text;
    const where = `${Math.round(x * 100)} % from the left, ${Math.round(y * 100)} % from the top`;
    chip.setAttribute('aria-label', `Overlay ${index + 1}, ${text}: ${where}. Arrow keys move it.`);
  }

  function chipOf(index: number): HTMLButtonElement {
    const chip = h('button', { type: 'button', class: 'chip', text: String(index + 1) });
    let from = { x: 0, y: 0 };
    draggable(chip, () => layer, {
      start() {
        from = anchorOf(overlays()[index] ?? {}, canvas, unit);
      },
      move(across, down) {
        const at = { x: within(from.x + across, 0, 1), y: within(from.y + down, 0, 1) };
        const moved = overlays().map((overlay, each) =>
          each === index ? movedTo(overlay, at, canvas, unit) : overlay,
        );
        store.setField('overlays', moved);
      },
    });
    return chip;
  }

  store.onChange(draw);
  return {
    show(size, pixels) {
      canvas = size;
      unit = pixels > 0 ? pixels : 1;
      draw();
    },
  };
}
