import { isDeepStrictEqual } from 'node:util';
import { parseInlinePreset } from '../../presets/inline.ts';
import { presetSchema } from '../../presets/schema.ts';
import type { Group, LogTally } from './groups.ts';
import { chooseWidths } from './widths.ts';

/** A preset that a log speaks for. */
export interface Proposal {
  readonly name: string;
  readonly definition: Record<string, unknown>;
  readonly requests: number;
  /** Of those, the ones for just a size that it declares; all others get the next larger one. */
  readonly exact: number;
  readonly sizes: string;
  readonly formats: string;
}

const MOST_PRESETS = 16;
/** Of all pictures: a preset for less is not worth its name. */
const LEAST_SHARE = 0.002;
/** A pixel ratio or a format that was asked for less often is left out. */
const LEAST_OF_GROUP = 0.01;
const MAX_NAME = 60;
const OWN_FORMATS = ['avif', 'webp', 'jpeg'];

/** Presets for what was asked for most, the most frequent first. `fits`: whether this server could serve a definition. */
export function propose(tally: LogTally, fits: (definition: Record<string, unknown>) => boolean): Proposal[] {
  const proposals: Proposal[] = [];
  for (const group of tally.groups) {
    if (proposals.length >= MOST_PRESETS || group.count < LEAST_SHARE * tally.pictures) break;
    const proposal = proposalOf(group);
    if (!proposal || !fits(proposal.definition)) continue;
    const taken = proposals.filter(
      ({ name }) => name === proposal.name || name.startsWith(`${proposal.name}-v`),
    ).length;
    proposals.push(taken === 0 ? proposal : { ...proposal, name: `${proposal.name}-v${taken + 1}` });
  }
  return proposals;
}

function proposalOf(group: Group): Proposal | undefined {
  const { look, side, formats, qualities, ratios, pixels, sizes } = group;
  const [[size = 'x'] = []] = sizes.sorted();
  const [width, height] = size.split('x').map((length) => (length === '' ? undefined : Number(length)));
  const text = [...(width ? [`w_${width}`] : []), ...(height ? [`h_${height}`] : []), ...(look === '' ? [] : [look])];
  const plain = parseInlinePreset(text.join(','));
  if (!plain) return undefined;
  const often = (counts: Group['formats']) =>
    counts.sorted().filter(([, count]) => count >= LEAST_OF_GROUP * group.count);
  const said = often(formats).map(([format]) => format);
  const [only] = said;
  const format = said.length === 1 && only !== 'base' && only !== 'auto' ? only : 'auto';
  const more = said.filter((each) => each === 'png' || each === 'jxl');
  const seen = often(ratios).map(([ratio]) => Number(ratio));
  const pixelRatios = [...new Set([1, ...seen.filter((ratio) => ratio >= 0.5 && ratio <= 4)])]
    .slice(0, 8)
    .sort((a, b) => a - b);
  const quality = qualities.first;
  const asked = pixels.sorted().map(([px, count]) => [Number(px), count] as const);
  // Only a width is chosen by a suffix.
  const chosen = side === 'width' ? chooseWidths(asked) : [];
  const own = (width ?? height ?? 0) as number;
  const byRatio = new Set(pixelRatios.map((ratio) => Math.round(own * ratio)));
  const widths = chosen.filter((each) => !byRatio.has(each));
  const declared = new Set([...byRatio, ...widths]);
  const covers = (px: number) => (side === 'width' ? px <= Math.max(...declared) : byRatio.has(px));
  const sum = (wanted: (px: number) => boolean) =>
    asked.reduce((all, [px, count]) => all + (wanted(px) ? count : 0), 0);
  const definition = {
    ...fieldsOf(plain),
    ...(format === 'auto' && more.length > 0 ? { formats: [...OWN_FORMATS, ...more] } : {}),
    ...(format === 'auto' ? {} : { format }),
    ...(quality === undefined || quality === '80' ? {} : { quality: quality === 'auto' ? quality : Number(quality) }),
    ...(widths.length > 0 ? { widths } : {}),
    pixelRatios,
  };
  return {
    ...{ name: nameOf(group, own), definition, requests: sum(covers), exact: sum((px) => declared.has(px)) },
    sizes: [...declared].sort((a, b) => a - b).join(' '),
    formats: said.join(' '),
  };
}

/** What a preset says beside the defaults. */
function fieldsOf(preset: object): Record<string, unknown> {
  const defaults: Record<string, unknown> = presetSchema.parse({ width: 1 });
  return Object.fromEntries(
    Object.entries(preset).filter(
      ([name, value]) => value !== undefined && (name === 'width' || !isDeepStrictEqual(value, defaults[name])),
    ),
  );
}

/** `cover-3x2-300`, with the fields that change what is seen behind it. */
function nameOf({ look, shape, side }: Group, size: number): string {
  const parts = look.split(',').filter((part) => part !== '');
  const fit = parts.find((part) => part.startsWith('fit_'))?.slice(4) ?? 'inside';
  const others = parts.map((part) => part.split('_')[0] ?? '').filter((name) => !/^(fit|g|en)$/.test(name));
  const gravity = parts
    .find((part) => part.startsWith('g_'))
    ?.slice(2)
    .replace(/[^a-z]/g, '');
  const seen = gravity && gravity !== 'center' ? [gravity] : [];
  const form = shape === undefined ? (side === 'width' ? 'w' : 'h') : shapeName(shape);
  return [fit, form, String(size), ...seen, ...others]
    .filter((part) => part !== '')
    .join('-')
    .slice(0, MAX_NAME);
}

function shapeName(shape: number): string {
  for (let down = 1; down <= 16; down += 1) {
    const across = Math.round(shape * down);
    if (across > 0 && Math.abs(across / down / shape - 1) < 0.004) return `${across}x${down}`;
  }
  return shape.toFixed(2).replace('.', 'p');
}
