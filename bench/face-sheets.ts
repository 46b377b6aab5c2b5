/** Contact sheets for people to look at: what was found in each photo, and what each way of cropping makes of it. */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import type { Face } from '../src/faces/face.ts';
import type { Box } from '../src/render/pixels.ts';
import { planFrame, windowToFaces } from '../src/render/stages/geometry.ts';
import { type Annotated, inPixels } from './face-set.ts';

/** Windows in pixels of the upright photo, one entry a crop. */
export interface Sheeted {
  readonly photo: Annotated;
  readonly path: string;
  readonly found: readonly Face[];
  readonly windows: readonly { readonly faces: Box; readonly center: Box; readonly attention: Box }[];
}

const CELL = { width: 250, height: 180 };
const ROWS = 7;
const AVATAR_ZOOM = 3;

/** Photo with boxes; then square crop, attention, centre; wide crop; zoomed avatar. Seven photos a sheet. */
export async function writeSheets(folder: string, all: readonly Sheeted[]): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (let first = 0; first < all.length; first += ROWS) {
    const rows = await Promise.all(all.slice(first, first + ROWS).map(cellsOf));
    const layers = rows.flatMap((cells, row) =>
      cells.map((input, column) => ({ input, left: column * CELL.width + 4, top: row * CELL.height + 4 })),
    );
    const sheet = {
      width: 6 * CELL.width,
      height: rows.length * CELL.height,
      channels: 3 as const,
      background: '#202020',
    };
    const file = join(folder, `sheet-${String(first / ROWS + 1).padStart(2, '0')}.png`);
    await sharp({ create: sheet }).composite(layers).png().toFile(file);
  }
}

async function cellsOf({ photo, path, found, windows }: Sheeted): Promise<Buffer[]> {
  const upright = await sharp(path)
    .autoOrient()
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .png()
    .toBuffer();
  const [square, wide] = windows;
  const plan = planFrame(photo, { width: 256, height: 256, fit: 'cover', margin: 0 });
  const near = windowToFaces(plan, found, photo, AVATAR_ZOOM);
  const by = photo.width / near.scaled.width;
  const avatar = found.length > 0 ? scaledBox(near.window, by) : square?.faces;
  const cut = (box: Box | undefined) => cell(box ? sharp(upright).extract(whole(box, photo)) : sharp(upright));
  const boxes = [
    ...windows.slice(0, 2).map(({ faces }) => outline(faces, '#ffffff')),
    ...photo.faces.map(({ x, y, w, h }) => outline({ left: x, top: y, width: w, height: h }, '#20e020')),
    ...found.map((face) => outline(inPixels(face, photo), '#ff2020')),
  ];
  const { width, height } = photo;
  const svg = `<svg width="${width}" height="${height}" fill="none" stroke-width="${Math.max(width, height) / 150}">${boxes.join('')}</svg>`;
  const drawn = await sharp(upright)
    .composite([{ input: Buffer.from(svg), left: 0, top: 0 }])
    .png()
    .toBuffer();
  return Promise.all([
    cell(sharp(drawn)),
    ...[square?.faces, square?.attention, square?.center, wide?.faces, avatar].map(cut),
  ]);
}

function cell(image: Sharp): Promise<Buffer> {
  return image
    .resize({ width: CELL.width - 8, height: CELL.height - 8, fit: 'inside' })
    .png()
    .toBuffer();
}

const outline = ({ left, top, width, height }: Box, colour: string) =>
  `<rect x="${left}" y="${top}" width="${width}" height="${height}" stroke="${colour}"/>`;

const scaledBox = ({ left, top, width, height }: Box, by: number): Box => ({
  ...{ left: left * by, top: top * by },
  ...{ width: width * by, height: height * by },
});

function whole(box: Box, photo: { width: number; height: number }): Box {
  const left = Math.min(photo.width - 1, Math.round(box.left));
  const top = Math.min(photo.height - 1, Math.round(box.top));
  return {
    ...{ left, top },
    width: Math.max(1, Math.min(photo.width - left, Math.round(box.width))),
    height: Math.max(1, Math.min(photo.height - top, Math.round(box.height))),
  };
}
