/** Contact sheets for people to look at: what was found in each photo, and what each crop makes of it. */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import type { Face } from '../src/faces/face.ts';
import type { Box, Size } from '../src/render/pixels.ts';
import { type Annotated, inPixels } from './face-set.ts';

/** Windows in pixels of the upright photo, one entry a crop. */
export interface Sheeted {
  readonly photo: Annotated;
  readonly path: string;
  readonly found: readonly Face[];
  readonly windows: readonly { readonly faces: Box; readonly attention: Box }[];
}

const CELL = { width: 250, height: 200 };
const TITLE_PX = 14;
const ROWS = 5;

/** A row a photo: itself with annotated faces green, ignored ones grey, found ones red; its crops; the first crop by attention. */
export async function writeSheets(folder: string, all: readonly Sheeted[], crops: readonly string[]): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (let first = 0; first < all.length; first += ROWS) {
    const rows = await Promise.all(all.slice(first, first + ROWS).map((one) => cellsOf(one, crops)));
    const layers = rows.flatMap((cells, row) =>
      cells.map((input, column) => ({ input, left: column * CELL.width, top: row * CELL.height })),
    );
    const sheet = {
      width: (crops.length + 2) * CELL.width,
      height: rows.length * CELL.height,
      channels: 3 as const,
      background: '#202020',
    };
    const file = join(folder, `sheet-${String(first / ROWS + 1).padStart(2, '0')}.png`);
    await sharp({ create: sheet }).composite(layers).png().toFile(file);
  }
}

async function cellsOf({ photo, path, found, windows }: Sheeted, crops: readonly string[]): Promise<Buffer[]> {
  const upright = await sharp(path)
    .autoOrient()
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .png()
    .toBuffer();
  const { width, height } = photo;
  const boxes = [
    ...photo.faces.map((box) => outline(box, '#20e020')),
    ...photo.ignore.map((box) => outline(box, '#b0b0b0')),
    ...found.map((face) => outline(inPixels(face, photo), '#ff2020')),
  ];
  const svg = `<svg width="${width}" height="${height}" fill="none" stroke-width="${Math.max(width, height) / 150}">${boxes.join('')}</svg>`;
  const drawn = sharp(
    await sharp(upright)
      .composite([{ input: Buffer.from(svg) }])
      .png()
      .toBuffer(),
  );
  const cut = (box: Box) => sharp(upright).extract(whole(box, photo));
  return Promise.all([
    cell(drawn, photo.file),
    ...windows.map(({ faces }, index) => cell(cut(faces), crops[index] ?? '')),
    ...windows.slice(0, 1).map(({ attention }) => cell(cut(attention), `${crops[0]} by attention`)),
  ]);
}

async function cell(image: Sharp, title: string): Promise<Buffer> {
  const inner = { width: CELL.width - 6, height: CELL.height - TITLE_PX - 4 };
  const input = await image
    .resize({ ...inner, fit: 'inside' })
    .png()
    .toBuffer();
  const text = `<svg width="${CELL.width}" height="${TITLE_PX}"><text x="2" y="11" font-size="11" fill="#ffffff">${title}</text></svg>`;
  return sharp({ create: { ...CELL, channels: 3, background: '#202020' } })
    .composite([
      { input: Buffer.from(text), left: 0, top: 0 },
      { input, left: 2, top: TITLE_PX },
    ])
    .png()
    .toBuffer();
}

const outline = ({ left, top, width, height }: Box, colour: string) =>
  `<rect x="${left}" y="${top}" width="${width}" height="${height}" stroke="${colour}"/>`;

function whole(box: Box, photo: Size): Box {
  const left = Math.min(photo.width - 1, Math.round(box.left));
  const top = Math.min(photo.height - 1, Math.round(box.top));
  return {
    ...{ left, top },
    width: Math.max(1, Math.min(photo.width - left, Math.round(box.width))),
    height: Math.max(1, Math.min(photo.height - top, Math.round(box.height))),
  };
}
