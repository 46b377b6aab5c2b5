import type { Asked, AskedRecipe } from './asked.ts';
import { Counts } from './counts.ts';

/** Requests that differ in size, format and quality only: one preset may serve them all. */
export interface Group {
  readonly look: string;
  /** Width by height; undefined where one of the two is free. */
  readonly shape: number | undefined;
  readonly side: 'width' | 'height';
  count: number;
  /** Pixels of the side that counts, pixel ratio included. */
  readonly pixels: Counts;
  /** CSS sizes as `<width>x<height>`, a free side empty. */
  readonly sizes: Counts;
  readonly ratios: Counts;
  readonly formats: Counts;
  readonly qualities: Counts;
}

/** Looks and shapes that are held at a time. A log of a real shop has some dozens. */
const MAX_GROUPS = 1000;
const MAX_PIXELS = 128;
const MAX_OTHERS = 32;
const MAX_SENTENCES = 200;
/** Shapes that differ by less are one, because each side is rounded. */
export const SAME_SHAPE = 0.01;

/** What a log asked for, in bounded memory however long it is. */
export interface LogTally {
  readonly lines: number;
  /** Lines with a request for a picture that was not refused then. */
  readonly pictures: number;
  readonly refusedThen: number;
  readonly groups: readonly Group[];
  /** By the shop's presets that were asked for. */
  readonly presets: Counts;
  /** By the sentence that names the option without an equal. */
  readonly refused: Counts;
  /** Pictures of looks that were too rare to be held. */
  readonly rare: number;
}

export function createTally() {
  const groups = new Map<string, Group>();
  const presets = new Counts(MAX_GROUPS);
  const refused = new Counts(MAX_SENTENCES);
  const counted = { lines: 0, pictures: 0, refusedThen: 0, rare: 0 };

  function add(asked: Asked): void {
    counted.pictures += 1;
    if (asked.kind === 'preset') presets.add(asked.name);
    else if (asked.kind === 'refused') refused.add(asked.sentence);
    else addRecipe(asked.recipe);
  }

  function addRecipe({ look, width, height, ratio, format, quality }: AskedRecipe): void {
    const side = width === undefined ? 'height' : 'width';
    const shape = width !== undefined && height !== undefined ? width / height : undefined;
    const bin = shape === undefined ? side : String(Math.round(Math.log(shape) / SAME_SHAPE));
    const name = `${look} ${bin}`;
    const group = groups.get(name) ?? newGroup(look, shape, side);
    groups.set(name, group);
    group.count += 1;
    group.pixels.add(String(Math.round((width ?? height ?? 0) * ratio)));
    group.sizes.add(`${width ?? ''}x${height ?? ''}`);
    group.ratios.add(String(Number(ratio.toFixed(2))));
    group.formats.add(format);
    group.qualities.add(quality);
    if (groups.size > MAX_GROUPS) dropRare();
  }

  function dropRare(): void {
    const sorted = [...groups].sort(([, a], [, b]) => b.count - a.count);
    for (const [name, { count }] of sorted.slice(MAX_GROUPS / 2)) {
      groups.delete(name);
      counted.rare += count;
    }
  }

  return {
    line(): void {
      counted.lines += 1;
    },
    refusedThen(): void {
      counted.refusedThen += 1;
    },
    add,
    result: (): LogTally => ({ ...counted, groups: merged([...groups.values()]), presets, refused }),
  };
}

function newGroup(look: string, shape: number | undefined, side: Group['side']): Group {
  const counts = { pixels: new Counts(MAX_PIXELS), sizes: new Counts(MAX_PIXELS), ratios: new Counts(MAX_OTHERS) };
  return {
    ...{ look, shape, side, count: 0 },
    ...counts,
    formats: new Counts(MAX_OTHERS),
    qualities: new Counts(MAX_OTHERS),
  };
}

/** The most frequent first; a shape that a more frequent one nearly has goes into that. */
function merged(groups: readonly Group[]): Group[] {
  const kept: Group[] = [];
  for (const group of [...groups].sort((a, b) => b.count - a.count)) {
    const alike = kept.find(
      ({ look, side, shape }) =>
        look === group.look &&
        side === group.side &&
        (shape === undefined) === (group.shape === undefined) &&
        Math.abs(Math.log((shape ?? 1) / (group.shape ?? 1))) <= SAME_SHAPE,
    );
    if (!alike) kept.push(group);
    else {
      alike.count += group.count;
      for (const name of ['pixels', 'sizes', 'ratios', 'formats', 'qualities'] as const) {
        for (const [value, count] of group[name].sorted()) alike[name].add(value, count);
        alike[name].dropped += group[name].dropped;
      }
    }
  }
  return kept;
}
