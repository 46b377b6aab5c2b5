import type { Edit, FractionBox } from '../boxes.ts';

/**
 * An edit that is being made, as PATCH /v1/images/:id has it: turned, then flipped, then cropped. `crop` and `focus` are fractions of
 * the turned and flipped picture, `redact` of the upright original. `seen`: the part that the saved edit shows, carried along.
 */
export interface Pending {
  readonly rotate: 0 | 90 | 180 | 270;
  readonly flip: 'none' | 'horizontal' | 'vertical' | 'both';
  readonly crop: FractionBox | undefined;
  readonly focus: Point | undefined;
  readonly redact: readonly FractionBox[];
  readonly alt: string;
  readonly seen: FractionBox;
}
export interface Point {
  readonly x: number;
  readonly y: number;
}
export type Move = 'left' | 'right' | 'horizontal' | 'vertical';

export const WHOLE: FractionBox = { x: 0, y: 0, width: 1, height: 1 };
type Flip = Pending['flip'];
const MIRRORED: Readonly<Record<Move, Readonly<Record<Flip, Flip>> | undefined>> = {
  left: undefined,
  right: undefined,
  horizontal: { none: 'horizontal', horizontal: 'none', vertical: 'both', both: 'vertical' },
  vertical: { none: 'vertical', vertical: 'none', horizontal: 'both', both: 'horizontal' },
};

export function pendingOf({ rotate, flip, crop, focus, redact = [] }: Edit = {}, alt = ''): Pending {
  return { rotate: rotate ?? 0, flip: flip ?? 'none', crop, focus, redact, alt, seen: crop ?? WHOLE };
}

/** The edit after what is seen is turned or flipped once more. */
export function moved(pending: Pending, move: Move): Pending {
  const { rotate, flip, crop, focus, seen } = pending;
  const mirrored = MIRRORED[move];
  // Behind a mirror a picture turns the other way round.
  const isMirror = flip === 'horizontal' || flip === 'vertical';
  const quarter = mirrored ? 0 : (move === 'right') === isMirror ? 270 : 90;
  return {
    ...pending,
    rotate: ((rotate + quarter) % 360) as Pending['rotate'],
    flip: mirrored ? mirrored[flip] : flip,
    crop: crop && movedBox(crop, move),
    focus: focus && pointOf(movedBox({ ...focus, width: 0, height: 0 }, move)),
    seen: movedBox(seen, move),
  };
}

export function movedBox({ x, y, width, height }: FractionBox, move: Move): FractionBox {
  if (move === 'horizontal') return { x: 1 - x - width, y, width, height };
  if (move === 'vertical') return { x, y: 1 - y - height, width, height };
  if (move === 'right') return { x: 1 - y - height, y: x, width: height, height: width };
  return { x: y, y: 1 - x - width, width: height, height: width };
}

/** From the upright original to what is seen. */
export function toSeen(box: FractionBox, { rotate, flip, seen }: Pending): FractionBox {
  return into(movesOf(rotate, flip).reduce(movedBox, box), seen);
}

/** From what is seen to the upright original. */
export function fromSeen(box: FractionBox, { rotate, flip, seen }: Pending): FractionBox {
  const back = movesOf(rotate, flip)
    .reverse()
    .map((move) => (move === 'right' ? 'left' : move));
  return tidy(back.reduce(movedBox, outOf(box, seen)));
}

function movesOf(rotate: Pending['rotate'], flip: Flip): Move[] {
  const turns = Array.from({ length: rotate / 90 }, (): Move => 'right');
  const flips = { none: [], horizontal: ['horizontal'], vertical: ['vertical'], both: ['horizontal', 'vertical'] };
  return [...turns, ...(flips[flip] as Move[])];
}

/** A box of the turned picture in fractions of the part that is seen of it, and the other way round. */
export const into = ({ x, y, width, height }: FractionBox, part: FractionBox): FractionBox => ({
  ...{ x: (x - part.x) / part.width, y: (y - part.y) / part.height },
  ...{ width: width / part.width, height: height / part.height },
});
export const outOf = ({ x, y, width, height }: FractionBox, part: FractionBox): FractionBox =>
  tidy({
    ...{ x: part.x + x * part.width, y: part.y + y * part.height },
    ...{ width: width * part.width, height: height * part.height },
  });

/** Within 0 and 1, which rounding may leave. */
export function tidy(box: FractionBox): FractionBox {
  const round = (value: number) => Number(Math.min(1, Math.max(0, value)).toFixed(5));
  const [x, y] = [round(box.x), round(box.y)];
  return { x, y, width: Math.min(round(box.width), round(1 - x)), height: Math.min(round(box.height), round(1 - y)) };
}

const pointOf = ({ x, y }: FractionBox): Point => {
  const at = tidy({ x, y, width: 0, height: 0 });
  return { x: at.x, y: at.y };
};

/** The body of the PATCH: what is other than before, null for what is taken back. */
export function patchOf(saved: Pending, next: Pending): Readonly<Record<string, unknown>> {
  const [before, after] = [wireOf(saved), wireOf(next)];
  const names = ['rotate', 'flip', 'crop', 'focus', 'redact', 'alt'] as const;
  return Object.fromEntries(
    names
      .filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
      .map((name) => [name, after[name] ?? null]),
  );
}

function wireOf({ rotate, flip, crop, focus, redact, alt }: Pending) {
  return {
    rotate: rotate || undefined,
    flip: flip === 'none' ? undefined : flip,
    crop: crop && tidy(crop),
    focus,
    redact: redact.length > 0 ? redact : undefined,
    alt: alt || undefined,
  };
}
