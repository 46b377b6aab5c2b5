import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { createPresets } from '../../../src/presets/presets.ts';
import type { Edit } from '../../../src/render/recipe.ts';
import { pixelsOf, render, storedAs } from '../../helpers/pictures.ts';

type Spot = [x: number, y: number];
const SIZE = { width: 400, height: 300 };

/** Grey, or nothing, with a red square of 16 pixels around a spot. */
function marked([x, y]: Spot, channels: 3 | 4 = 3, ground = 128): Buffer {
  const { width, height } = SIZE;
  const data = Buffer.alloc(width * height * channels, channels === 4 ? 0 : ground);
  for (let row = y - 8; row < y + 8; row += 1)
    for (let column = x - 8; column < x + 8; column += 1)
      data.set([220, 20, 20, 255].slice(0, channels), (row * width + column) * channels);
  return data;
}

async function moving(spot: Spot, format: 'gif' | 'webp'): Promise<Buffer> {
  const { width, height } = SIZE;
  const frames = Buffer.concat([marked(spot), marked(spot, 3, 170)]);
  const image = sharp(frames, { raw: { width, height: height * 2, channels: 3, pageHeight: height } });
  return format === 'gif' ? image.gif({ delay: [50, 50] }).toBuffer() : image.webp({ delay: [50, 50] }).toBuffer();
}

const raw = (spot: Spot, channels: 3 | 4 = 3) => sharp(marked(spot, channels), { raw: { ...SIZE, channels } });
const ORIGINALS: Readonly<Record<string, (spot: Spot) => Promise<Buffer>>> = {
  ...Object.fromEntries(
    [1, 3, 5, 6].map((orientation) => [
      `JPEG of orientation ${orientation}`,
      (spot: Spot) => storedAs(orientation, marked(spot), SIZE.width, SIZE.height, 'jpeg'),
    ]),
  ),
  'PNG with alpha': (spot) => raw(spot, 4).png().toBuffer(),
  'GIF that moves': (spot) => moving(spot, 'gif'),
  'WebP that moves': (spot) => moving(spot, 'webp'),
  'JPEG in P3': (spot) => raw(spot).withIccProfile('p3').jpeg({ quality: 95 }).toBuffer(),
};

/** Where the red of a frame is, in the middle; undefined without any. */
async function spotOf(file: Buffer, animated: boolean, height: number): Promise<{ spots: (Spot | undefined)[] }> {
  const { data, width, channels, ...all } = await pixelsOf(file, { animated });
  const spots = Array.from({ length: all.height / height }, (_, frame) => {
    let [count, across, down] = [0, 0, 0];
    for (let y = 0; y < height; y += 1)
      for (let x = 0; x < width; x += 1) {
        const at = ((frame * height + y) * width + x) * channels;
        const [red = 0, green = 0] = data.subarray(at, at + 2);
        if (red < 130 || green > red - 80 || (channels === 4 && data[at + 3]! < 128)) continue;
        [count, across, down] = [count + 1, across + x + 0.5, down + y + 0.5];
      }
    return count > 0 ? ([across / count, down / count] satisfies Spot) : undefined;
  });
  return { spots };
}

const files = new Map<string, Promise<Buffer>>();
function fileOf(kind: string, make: (spot: Spot) => Promise<Buffer>, spot: Spot): Promise<Buffer> {
  const made = files.get(`${kind} ${spot}`) ?? make(spot);
  files.set(`${kind} ${spot}`, made);
  return made;
}

interface Steps {
  readonly edit?: Edit;
  readonly preset: Record<string, unknown>;
}

/** Where a spot of the upright original belongs in a rendition of this size, step by step. */
function belongs(spot: Spot, { edit = {}, preset }: Steps, out: { width: number; height: number }): Spot {
  let [[x, y], width, height] = [spot, SIZE.width, SIZE.height];
  const turn = (degrees = 0) => {
    for (let done = 0; done < degrees; done += 90) [x, y, width, height] = [height - y, x, height, width];
  };
  const flip = (how?: unknown) => {
    if (how === 'horizontal' || how === 'both') x = width - x;
    if (how === 'vertical' || how === 'both') y = height - y;
  };
  turn(edit.rotate);
  flip(edit.flip);
  if (edit.crop) {
    [x, y] = [x - edit.crop.x * width, y - edit.crop.y * height];
    [width, height] = [width * edit.crop.width, height * edit.crop.height];
  }
  const crop = preset.crop as Record<'x' | 'y' | 'width' | 'height', number> | undefined;
  if (crop) [x, y, width, height] = [x - crop.x, y - crop.y, crop.width, crop.height];
  turn(preset.rotate as number | undefined);
  flip(preset.flip);
  // All fits but cover show all of it in its shape; cover is told apart by what is said of its window.
  const scale = Math.max(out.width / width, out.height / height);
  const place = (at: number, length: number, all: number) => Math.min(all - length, Math.max(0, at - length / 2));
  const gravity = preset.gravity as string;
  const [w, h] = [width * scale, height * scale];
  const left = gravity === 'west' ? 0 : gravity === 'east' ? w - out.width : place(x * scale, out.width, w);
  const top = gravity === 'north' ? 0 : gravity === 'south' ? h - out.height : place(y * scale, out.height, h);
  return [x * scale - left, y * scale - top];
}

const fraction = ([x, y]: Spot) => ({ x: x / SIZE.width, y: y / SIZE.height });
const CORNER: Spot = [300, 80];
const CASES: Readonly<Record<string, Steps & { readonly spot: Spot }>> = {
  crop: { spot: CORNER, preset: { crop: { x: 200, y: 20, width: 160, height: 120 } } },
  rotate: { spot: CORNER, preset: { rotate: 90 } },
  flip: { spot: CORNER, preset: { flip: 'vertical', rotate: 270 } },
  'crop, rotate, flip and a focal point': {
    spot: CORNER,
    preset: {
      crop: { x: 120, y: 30, width: 260, height: 200 },
      ...{ rotate: 90, flip: 'horizontal', fit: 'cover', height: 100, gravity: fraction(CORNER) },
    },
  },
  'a focal point at the edge': { spot: [40, 280], preset: { fit: 'cover', height: 100, gravity: fraction([40, 280]) } },
  'the north of a turned picture': {
    spot: [90, 150],
    preset: { rotate: 90, fit: 'cover', height: 60, gravity: 'north' },
  },
  'the west of a crop': {
    spot: [130, 150],
    preset: { crop: { x: 110, y: 0, width: 290, height: 300 }, fit: 'cover', height: 200, gravity: 'west' },
  },
  'an edit': {
    spot: CORNER,
    edit: { rotate: 270, flip: 'vertical', crop: { x: 0.1, y: 0.6, width: 0.5, height: 0.4 } },
    preset: {},
  },
  'an edit with its focus, and a preset that turns': {
    spot: CORNER,
    // Turned by 90 degrees the corner is at 220, 300 of 300 × 400, flipped at 80, 300.
    edit: { rotate: 90, flip: 'horizontal', focus: { x: 80 / 300, y: 300 / 400 } },
    preset: { rotate: 180, fit: 'cover', height: 60 },
  },
  'an enlarged part': {
    spot: CORNER,
    preset: { crop: { x: 280, y: 60, width: 40, height: 40 }, enlarge: true, flip: 'both', fit: 'cover', height: 100 },
  },
  'an enlarged window of a part': {
    spot: CORNER,
    preset: {
      crop: { x: 288, y: 10, width: 22, height: 130 },
      ...{ enlarge: true, rotate: 90, fit: 'cover', height: 100, gravity: fraction(CORNER) },
    },
  },
};

describe('a marker', () => {
  for (const [name, { spot, edit, preset }] of Object.entries(CASES))
    it(`is where it belongs by ${name}`, async () => {
      const presets = createPresets({
        definitions: { card: { width: 100, format: 'png', widths: [60, 130], lossless: true, ...preset } },
        inline: false,
        faces: true,
      });
      for (const [kind, original] of Object.entries(ORIGINALS)) {
        const file = await fileOf(kind, original, spot);
        for (const suffix of ['', '@2x', '@60w', '@130w']) {
          const animated = kind.endsWith('that moves');
          const { recipe } = presets.resolve('card', animated ? `${suffix}.webp` : suffix, undefined);
          const fields = kind.endsWith('P3') ? { gamut: 'p3' as const } : {};
          const asked = { ...recipe, ...fields, animated, ...(edit ? { edit } : {}) };
          const { body, width, height } = await render(file, asked, () => assert.fail('looked for faces'));
          const [x, y] = belongs(spot, { ...(edit ? { edit } : {}), preset }, { width, height });
          const { spots } = await spotOf(body, animated, height);
          assert.equal(spots.length, animated ? 2 : 1);
          for (const found of spots) {
            const off = found && Math.hypot(found[0] - x, found[1] - y);
            assert.ok(
              off !== undefined && off < 1.6,
              `${kind} ${suffix}: at ${found} of ${width}×${height}, not at ${[x, y]}`,
            );
          }
        }
      }
    });
});
