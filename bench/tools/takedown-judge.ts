/** What was taken down when, and whether an answer may still show what it shows. All times are unix milliseconds. */
import sharp from 'sharp';

/** One original under one purge. */
export interface Takedown {
  readonly kind: string;
  readonly began: number;
  readonly answered: number;
  /** The first version that is not over. */
  readonly version: number;
  /** When the cache in front was told for the last time, and had obeyed. */
  toldAgain?: number;
}

/** One original, whose bytes change from version to version. */
export interface Original {
  readonly id: string;
  readonly at: number;
  version: number;
  there: boolean;
  busy: boolean;
  readonly takedowns: Takedown[];
}

export interface Cut {
  readonly machine: string;
  readonly from: number;
  /** When the bucket was there again. */
  joined: number;
  /** When the machine found that out: its circuit breaker asks once a second. */
  to: number;
}

export interface Seen {
  readonly source: string;
  readonly preset: string;
  readonly begun: number;
  readonly ended: number;
  readonly status: number;
  readonly version: number | undefined;
  /** To the second. */
  readonly renderedAt: number | undefined;
  readonly cacheControl: string;
  readonly cacheStatus: string;
  readonly requestId: string;
}

export type Verdict =
  | 'new'
  | 'no picture'
  | 'old, within the window'
  | 'old, within the grace'
  | 'old, within the grace, the bucket not asked yet'
  | 'old of the grace, from the cache'
  | 'old of the grace, stale from the cache'
  | 'resurrected';

export interface JudgeOptions {
  readonly windowMs: number;
  readonly graceMs: number;
  readonly cuts: readonly Cut[];
  /** No machine's clock was set wrong up to now, so the times of renders mean something. */
  clocksAreRight(): boolean;
}

const LEVELS = [32, 128, 224];
const COLOURS = LEVELS.flatMap((r) => LEVELS.flatMap((g) => LEVELS.map((b) => ({ r, g, b }))));
/** Ids beside each other have other colours, so that one cannot pass for another. */
const STEP = 7;
const colourIndex = ({ at }: Original, version: number) => (version + at * STEP) % COLOURS.length;
const PASSING_MS = 60_000;
/** A question to the record that began while the bucket was cut off is shared by all who ask within it. */
const BACK_MS = 2500;

/** A flat picture in the colour of that version. */
export function pictureOf(original: Original, version: number): Promise<Buffer> {
  const background = COLOURS[colourIndex(original, version)] ?? '#000';
  return sharp({ create: { width: 320, height: 240, channels: 3, background } })
    .png()
    .toBuffer();
}

/** Which version a picture shows; the latest of that colour. Throws when it is none of this original. */
export async function versionOf(original: Original, picture: Buffer): Promise<number> {
  const { channels } = await sharp(picture).stats();
  const [r = 0, g = 0, b = 0] = channels.map(({ mean }) => mean);
  const nearest = COLOURS.findIndex((c) => Math.hypot(c.r - r, c.g - g, c.b - b) < 40);
  for (let version = original.version; version > original.version - COLOURS.length && version >= 0; version -= 1)
    if (colourIndex(original, version) === nearest) return version;
  throw new Error(`a picture of ${original.id} in a colour of no version: ${r} ${g} ${b}`);
}

export function createJudge({ windowMs, graceMs, cuts, clocksAreRight }: JudgeOptions) {
  /** Renders of the second in which the purge began may be of either side. */
  const isOld = ({ version, began }: Takedown, shown: number, renderedAt: number | undefined) =>
    shown < version || (clocksAreRight() && renderedAt !== undefined && renderedAt < Math.floor(began / 1000));

  function graceOf({ source, begun, cacheControl }: Seen, { answered }: Takedown): Verdict | undefined {
    if (!/max-age=60\b/.test(cacheControl)) return undefined;
    for (const { machine, from, joined, to } of cuts) {
      if (machine !== source || begun < from - 1000 || begun > to + BACK_MS) continue;
      if (begun <= joined && begun <= from + graceMs) return 'old, within the grace';
      // Originals can be read again by then, so what was read before the purge is as young as that.
      if (begun > joined && begun <= answered + graceMs) return 'old, within the grace, the bucket not asked yet';
    }
    const before = source === 'nginx' ? cuts.filter(({ from }) => begun > from) : [];
    if (before.length === 0) return undefined;
    const inTime = before.some(({ from, to }) => {
      const last = Math.min(to + BACK_MS, Math.max(from, answered) + graceMs);
      return begun <= last + PASSING_MS;
    });
    return inTime ? 'old of the grace, from the cache' : 'old of the grace, stale from the cache';
  }

  return {
    isOld,
    /** From then on a source may send nothing older. */
    deadlineOf({ answered, toldAgain = Number.POSITIVE_INFINITY }: Takedown, source: string): number {
      return source === 'nginx' ? Math.max(answered + windowMs, toldAgain) : answered + windowMs;
    },
    judge(original: Original, seen: Seen): Verdict {
      const { version, renderedAt, begun } = seen;
      if (version === undefined) return 'no picture';
      let verdict: Verdict = 'new';
      for (const takedown of original.takedowns) {
        if (!isOld(takedown, version, renderedAt)) continue;
        if (begun > this.deadlineOf(takedown, seen.source)) {
          const grace = graceOf(seen, takedown);
          if (!grace) return 'resurrected';
          verdict = grace;
          continue;
        }
        if (begun > takedown.answered && verdict === 'new') verdict = 'old, within the window';
      }
      return verdict;
    },
  };
}
