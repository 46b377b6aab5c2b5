/**
 * Sets of photos with known faces: `annotations.json` is `[{ file, width, height, faces: [{ x, y, w, h }] }]`, in pixels
 * of the upright photo.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp, { type OverlayOptions } from 'sharp';
import type { Face } from '../src/faces/face.ts';
import type { Box, Size } from '../src/render/pixels.ts';

export interface Annotation {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}
export interface Annotated {
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly faces: readonly Annotation[];
}

export function readSet(folder: string): Annotated[] {
  return JSON.parse(readFileSync(join(folder, 'annotations.json'), 'utf8'));
}

/** A found face in pixels of its photo. */
export function inPixels({ left, top, width, height }: Face, photo: Size): Box {
  return {
    ...{ left: left * photo.width, top: top * photo.height },
    ...{ width: width * photo.width, height: height * photo.height },
  };
}

/** The astronaut's face in her photo of 512 × 512, hairline to chin, and the part of the photo that is pasted elsewhere. */
const FACE = { x: 178, y: 70, w: 92, h: 112 };
const HEAD = { left: 110, top: 0, width: 230, height: 270 };
const GROUNDS = ['coffee.jpg', 'chelsea.png', 'rocket.webp'];
const SHAPES = [
  [1280, 960],
  [960, 1280],
  [1600, 900],
  [1200, 1200],
] as const;
const CHANGES = ['plain', 'mirrored', 'darkened', 'turned', 'pale'] as const;

/**
 * Composites of the one face among the samples: 1 or 2 a picture, of 3 to 40 % of its width, mirrored, darkened, turned,
 * over samples without faces; and those samples alone. The same every time.
 */
export async function makeSet(samples: string, folder: string, count: number): Promise<void> {
  const random = seeded(20_261_124);
  const pick = <T>(values: readonly T[]) => values[Math.floor(random() * values.length)] as T;
  const set: Annotated[] = [];
  for (let number = 0; number < count; number += 1) {
    const [width, height] = pick(SHAPES);
    const ground = join(samples, pick(GROUNDS));
    const layers: OverlayOptions[] = [];
    const faces: Annotation[] = [];
    const wanted = number % 7 === 0 ? 0 : random() < 0.3 ? 2 : 1;
    for (let tries = 0; faces.length < wanted && tries < 50; tries += 1) {
      const share = 0.03 * (0.4 / 0.03) ** random();
      const scale = (share * width) / FACE.w;
      const size = { width: Math.round(HEAD.width * scale), height: Math.round(HEAD.height * scale) };
      if (size.width >= width || size.height >= height) continue;
      const left = Math.floor(random() * (width - size.width));
      const top = Math.floor(random() * (height - size.height));
      const change = pick(CHANGES);
      const inHead = change === 'mirrored' ? HEAD.width - (FACE.x - HEAD.left) - FACE.w : FACE.x - HEAD.left;
      const face = { x: left + inHead * scale, y: top + FACE.y * scale, w: FACE.w * scale, h: FACE.h * scale };
      const head = { left, top, ...size };
      if (layers.some((other) => overlap(head, other as typeof head))) continue;
      layers.push({ input: await headOf(samples, change, size), left, top, ...size } as OverlayOptions);
      faces.push(face);
    }
    const file = `composite-${String(number).padStart(3, '0')}.jpg`;
    await sharp(ground)
      .resize(width, height, { fit: 'cover' })
      .removeAlpha()
      .composite(layers)
      .jpeg({ quality: 88 })
      .toFile(join(folder, file));
    set.push({ file, width, height, faces });
  }
  for (const file of [...GROUNDS, 'astronaut.jpg']) {
    const { width, height } = await sharp(join(samples, file)).toFile(join(folder, file));
    set.push({ file, width, height, faces: file === 'astronaut.jpg' ? [FACE] : [] });
  }
  writeFileSync(join(folder, 'annotations.json'), JSON.stringify(set));
}

async function headOf(samples: string, change: (typeof CHANGES)[number], size: { width: number; height: number }) {
  const oval = Buffer.from(
    `<svg width="${HEAD.width}" height="${HEAD.height}"><defs><radialGradient id="g"><stop offset="0.8" stop-color="#fff"/>
    <stop offset="1" stop-color="#fff" stop-opacity="0"/></radialGradient></defs>
    <ellipse cx="50%" cy="50%" rx="50%" ry="50%" fill="url(#g)"/></svg>`,
  );
  const cut =
    change === 'turned'
      ? await turnedHead(samples)
      : await sharp(join(samples, 'astronaut.jpg')).extract(HEAD).png().toBuffer();
  const head = sharp(cut);
  if (change === 'mirrored') head.flop();
  if (change === 'darkened') head.modulate({ brightness: 0.45 });
  if (change === 'pale') head.linear(0.6, 90);
  const oval4 = await head
    .ensureAlpha()
    .composite([{ input: oval, blend: 'dest-in' }])
    .png()
    .toBuffer();
  return sharp(oval4)
    .resize({ ...size, fit: 'fill' })
    .png()
    .toBuffer();
}

/** The head turned by 12 degrees about the middle of the face. */
async function turnedHead(samples: string): Promise<Buffer> {
  const around = { x: FACE.x + FACE.w / 2, y: FACE.y + FACE.h / 2 };
  const reach = 360;
  const padded = await sharp(join(samples, 'astronaut.jpg'))
    .extend({ top: reach, bottom: reach, left: reach, right: reach, extendWith: 'mirror' })
    .png()
    .toBuffer();
  const square = await sharp(padded)
    .extract({ left: Math.round(around.x), top: Math.round(around.y), width: 2 * reach, height: 2 * reach })
    .png()
    .toBuffer();
  const turned = await sharp(square).rotate(12, { background: '#808080' }).png().toBuffer();
  const { width, height } = await sharp(turned).metadata();
  return sharp(turned)
    .extract({
      left: Math.round(width / 2 - (around.x - HEAD.left)),
      top: Math.round(height / 2 - (around.y - HEAD.top)),
      width: HEAD.width,
      height: HEAD.height,
    })
    .png()
    .toBuffer();
}

type Rectangle = { left: number; top: number; width: number; height: number };
function overlap(a: Rectangle, b: Rectangle): boolean {
  return a.left < b.left + b.width && b.left < a.left + a.width && a.top < b.top + b.height && b.top < a.top + a.height;
}

/** Numbers in 0 to 1 from a 32-bit linear congruential generator. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
