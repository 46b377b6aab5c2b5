import sharp from 'sharp';
import type { Shown } from './chromium.ts';
import { distance, isShown, type Judged } from './judge.ts';

/** The worst pictures so far, ours beside a reference's, as small pictures. */
export interface ContactSheet {
  add(judged: Judged, ours: Shown, reference: Shown): Promise<void>;
  /** False, with nothing written, where no picture differs. */
  write(path: string): Promise<boolean>;
}

const PLACES = 24;
const COLUMNS = 4;
const THUMB_PX = 180;
const GAP_PX = 6;
const TITLE_PX = 26;
const CELL = { width: (THUMB_PX + GAP_PX) * 2, height: THUMB_PX + TITLE_PX } as const;
const GREY = '#707070';
const DIFFERING = ['neither', 'second', 'chromium'];

interface Entry {
  readonly judged: Judged;
  readonly thumbs: readonly Buffer[];
}

export function createContactSheet(): ContactSheet {
  let worst: Entry[] = [];
  return {
    async add(judged, ours, reference) {
      const { verdict, byChromium, bySecond } = judged;
      // One that the second decoder does not show differs from nothing.
      const differs =
        verdict === 'neither' || (DIFFERING.includes(verdict) && ![byChromium, bySecond].some((by) => 'why' in by));
      if (!differs || !isShown(ours) || !isShown(reference)) return;
      const last = worst[PLACES - 1];
      if (last && byBadness(last.judged, judged) <= 0) return;
      const thumbs = [await thumb(ours), await thumb(reference)];
      worst = [...worst, { judged, thumbs }].sort((a, b) => byBadness(a.judged, b.judged)).slice(0, PLACES);
    },
    async write(path) {
      if (worst.length === 0) return false;
      const rows = Math.ceil(worst.length / COLUMNS);
      const layers = await Promise.all(worst.flatMap((entry, at) => layersOf(entry, at)));
      const size = { width: COLUMNS * CELL.width, height: rows * CELL.height };
      await sharp({ create: { ...size, channels: 3, background: GREY } })
        .composite(layers)
        .png()
        .toFile(path);
      return true;
    },
  };
}

/** Those that agree with neither first, and the furthest of them. */
function byBadness(one: Judged, other: Judged): number {
  const rank = ({ verdict }: Judged) => DIFFERING.indexOf(verdict);
  return rank(one) - rank(other) || distance(other) - distance(one);
}

function layersOf({ judged, thumbs }: Entry, at: number) {
  const [left, top] = [(at % COLUMNS) * CELL.width, Math.floor(at / COLUMNS) * CELL.height];
  const lines = [judged.path.slice(-58), `${judged.verdict}: ours, theirs`];
  const text = lines.map(
    (line, row) => `<text x="2" y="${11 + row * 11}" font-size="10" fill="#fff">${escaped(line)}</text>`,
  );
  const title = `<svg xmlns="http://www.w3.org/2000/svg" width="${CELL.width}" height="${TITLE_PX}">${text.join('')}</svg>`;
  return [
    { input: Buffer.from(title), left, top },
    ...thumbs.map((input, index) => ({ input, left: left + index * (THUMB_PX + GAP_PX), top: top + TITLE_PX })),
  ];
}

// Names of files hold what XML does not take.
const escaped = (text: string) => text.replace(/[^ -~]/g, '?').replace(/[<>&]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** On pink, so that what is transparent is seen; icons are enlarged by whole pixels. */
function thumb({ width, height, data }: Exclude<Shown, { why: string }>): Promise<Buffer> {
  const kernel = Math.max(width, height) < THUMB_PX ? 'nearest' : 'lanczos3';
  return sharp(data, { raw: { width, height, channels: 4 } })
    .flatten({ background: '#ff80ff' })
    .resize({ width: THUMB_PX, height: THUMB_PX, fit: 'inside', kernel })
    .png()
    .toBuffer();
}
