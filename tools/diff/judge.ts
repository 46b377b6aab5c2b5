import type { Shown } from './chromium.ts';
import { agree, type Difference, differenceOf, type Pixels } from './pixels.ts';

/** How a reference and our answer compare: a difference, or why the reference shows nothing. */
export type Compared = Difference | { readonly why: string };

/**
 * `chromium`: with Chromium only, whether the second decoder differs or shows nothing; `neither`: at least one reference shows
 * the picture and none agrees; `alone`: served, and no reference shows it; `shown`: refused, and Chromium shows it.
 */
export type Verdict = 'both' | 'chromium' | 'second' | 'neither' | 'alone' | 'shown' | 'refused';

export interface Judged {
  readonly path: string;
  readonly format: string;
  readonly verdict: Verdict;
  /** The error code of a refused one. */
  readonly refusal?: string;
  readonly byChromium: Compared;
  readonly bySecond: Compared;
  /** What third decoders say of a picture that agrees with neither, each by its name; absent where none was asked. */
  readonly byThird?: readonly (Compared & { readonly by: string })[];
}

export function judge(
  file: { readonly path: string; readonly format: string },
  ours: Shown | { readonly refusal: string },
  chromium: Shown,
  second: Shown,
): Judged {
  const { path, format } = file;
  if ('refusal' in ours) {
    const why = (of: Shown) => ({ why: 'why' in of ? of.why : 'shown' });
    const verdict = 'why' in chromium ? 'refused' : 'shown';
    return { path, format, verdict, refusal: ours.refusal, byChromium: why(chromium), bySecond: why(second) };
  }
  const [byChromium, bySecond] = [compare(ours, chromium), compare(ours, second)];
  return { path, format, verdict: verdictOf(byChromium, bySecond), byChromium, bySecond };
}

/** A decoder's name and what it shows. */
export interface Opinion {
  readonly by: string;
  readonly shown: Shown;
}

/**
 * `judged` with the opinions of third decoders, and of Chromium's colours with the alpha of each: by it HDR is tone-mapped, which
 * the others do not do, and where it alone gets alpha wrong, colours and alpha have each a decoder that agrees.
 */
export function withThird(judged: Judged, ours: Shown, chromium: Shown, third: readonly Opinion[]): Judged {
  if (third.length === 0) return judged;
  const mixed = third.flatMap(({ by, shown }) => {
    const both = isShown(chromium) && isShown(shown) ? withAlphaOf(chromium, shown) : undefined;
    return both ? [{ by: `Chromium's colours, alpha of ${by}`, shown: both }] : [];
  });
  return { ...judged, byThird: [...third, ...mixed].map(({ by, shown }) => ({ by, ...compare(ours, shown) })) };
}

/** Undefined where alpha is the same, and where sizes differ. */
function withAlphaOf(colours: Pixels, alpha: Pixels): Pixels | undefined {
  if (colours.width !== alpha.width || colours.height !== alpha.height) return undefined;
  const data = Uint8Array.from(colours.data);
  for (let at = 3; at < data.length; at += 4) data[at] = alpha.data[at] as number;
  return Buffer.compare(data, colours.data) === 0 ? undefined : { ...colours, data };
}

/** Whether a third decoder shows what we show. */
export function isConfirmed({ byThird = [] }: Judged): boolean {
  return byThird.some((by) => !('why' in by) && agree(by));
}

export const isShown = (shown: Shown): shown is Pixels => !('why' in shown);

function compare(ours: Shown, other: Shown): Compared {
  if (!isShown(other)) return other;
  // An answer that is no picture differs from every picture.
  if (!isShown(ours)) return { mean: 255, block: 255, worst: 255, sizes: `our answer: ${ours.why}` };
  return differenceOf(ours, other);
}

function verdictOf(byChromium: Compared, bySecond: Compared): Verdict {
  const [first, second] = [byChromium, bySecond].map((of) => !('why' in of) && agree(of));
  if (first && second) return 'both';
  if (first) return 'chromium';
  if (second) return 'second';
  return 'why' in byChromium && 'why' in bySecond ? 'alone' : 'neither';
}

/** The least mean difference from a reference, by which the worst come first. */
export function distance({ byChromium, bySecond }: Judged): number {
  return Math.min(...[byChromium, bySecond].map((of) => ('why' in of ? Number.POSITIVE_INFINITY : of.mean + of.block)));
}
