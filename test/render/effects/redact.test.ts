import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { DETECTOR_VERSION, type Face } from '../../../src/faces/face.ts';
import { createPresets } from '../../../src/presets/presets.ts';
import { checkPresets, PresetsError } from '../../../src/presets/schema.ts';
import { estimateRender } from '../../../src/render/cost-estimate.ts';
import { familyOf, renditionKey } from '../../../src/renditions/keys.ts';
import { face } from '../../helpers/faces.ts';
import { pixelsOf, render } from '../../helpers/pictures.ts';

const BOX = { x: 0.25, y: 0.5, width: 0.25, height: 0.25 };
const presetsOf = (preset: object, faces = true) =>
  createPresets({ definitions: { card: { width: 200, format: 'png', ...preset } }, inline: true, faces });
const resolve = (preset: object, suffix = '', faces = true) =>
  presetsOf(preset, faces).resolve('card', suffix, undefined);

/** Stripes of one pixel, black and white: no part of it is of one colour. */
async function stripes(width: number, height: number, channels: 3 | 4 = 3): Promise<Buffer> {
  const data = Buffer.alloc(width * height * channels, 255);
  for (let at = 0; at < width * height; at += 1) if (at % 2) data.fill(0, at * channels, at * channels + 3);
  if (channels === 4) for (let at = 3; at < data.length; at += 4 * 3) data[at] = 128;
  return sharp(data, { raw: { width, height, channels } }).png().toBuffer();
}

type Picture = Awaited<ReturnType<typeof pixelsOf>>;
const coloursIn = (picture: Picture, left: number, top: number, width: number, height: number): Set<string> => {
  const found = new Set<string>();
  for (let y = top; y < top + height; y += 1)
    for (let x = left; x < left + width; x += 1) found.add(picture.at(x, y).join());
  return found;
};

const rgb = (colour: string) => colour.split(',').slice(0, 3).join();

describe('the field redact', () => {
  it('is in no key without it, in the key and family with it, and names the detector of its faces', () => {
    const [plain, boxes, faces] = [
      resolve({}),
      resolve({ redact: { boxes: [BOX] } }),
      resolve({ redact: { faces: 'blur' } }),
    ];
    assert.ok(!('effects' in plain.recipe) && !('detector' in plain.recipe));
    const keys = [plain, boxes, faces].map((variant) => renditionKey('a.jpg', variant, 'r1'));
    assert.equal(new Set(keys).size, 3);
    assert.equal(new Set([plain, boxes, faces].map((variant) => familyOf('a.jpg', variant))).size, 3);
    assert.deepEqual([boxes.recipe.detector, faces.recipe.detector], [undefined, DETECTOR_VERSION]);
    assert.deepEqual(faces.recipe.effects, { unit: 1, redact: { faces: 'blur' } });
    assert.deepEqual(boxes.recipe.effects?.redact, { boxes: [{ left: 0.25, top: 0.5, width: 0.25, height: 0.25 }] });
  });

  it('is refused in a sentence where it cannot be done', () => {
    const refused = (preset: object, sentence: RegExp) =>
      assert.throws(
        () => checkPresets({ card: { width: 100, ...preset } }),
        (error) => error instanceof PresetsError && sentence.test(error.message),
        JSON.stringify(preset),
      );
    refused({ redact: {} }, /needs faces or boxes/);
    refused({ redact: { style: 'blur' } }, /needs faces or boxes|needs boxes/);
    refused({ redact: { faces: 'blur', style: 'blur' } }, /needs boxes/);
    refused({ redact: { faces: 'black' } }, /expected blur, pixelate or a colour/);
    refused({ redact: { faces: '#12345' } }, /expected blur, pixelate or a colour/);
    refused({ redact: { boxes: [] } }, /redact.boxes/);
    refused({ redact: { boxes: Array(17).fill(BOX) } }, /redact.boxes/);
    refused({ redact: { boxes: [{ ...BOX, x: 0.9 }] } }, /beyond the picture/);
    refused({ redact: { boxes: [{ ...BOX, x: Number.NaN }] } }, /redact.boxes.0.x/);
    refused({ redact: { faces: 'blur' }, animated: true }, /animated and redact faces/);
    checkPresets({ card: { width: 100, redact: { boxes: [BOX] }, animated: true } });
  });

  it('covers no faces on a server that looks for none: its presets are refused at the start, inline recipes with 404', () => {
    assert.throws(() => presetsOf({ redact: { faces: 'blur' } }, false), /card\.redact\.faces: .*DARKROOM_FACES/);
    const presets = presetsOf({ redact: { boxes: [BOX] } }, false);
    assert.throws(() => presets.resolve('w_100,redact_faces:blur', '', undefined), { code: 'unknown_preset' });
  });

  it('has a spelling in inline recipes', () => {
    const presets = presetsOf({});
    const redact = (text: string) => presets.resolve(`w_100,redact_${text}`, '', undefined).recipe.effects?.redact;
    const box = { left: 0.25, top: 0.5, width: 0.25, height: 0.25 };
    assert.deepEqual(redact('faces:blur'), { faces: 'blur' });
    assert.deepEqual(redact('faces:FF8000'), { faces: '#FF8000' });
    assert.deepEqual(redact('boxes:0p25:0p5:0p25:0p25'), { boxes: [box] });
    assert.deepEqual(redact('boxes:pixelate:0p25:0p5:0p25:0p25:0:0:1:1'), {
      ...{ boxes: [box, { left: 0, top: 0, width: 1, height: 1 }], style: 'pixelate' },
    });
    assert.deepEqual(redact('faces:pixelate:boxes:336699:0:0:1:1'), {
      ...{ faces: 'pixelate', boxes: [{ left: 0, top: 0, width: 1, height: 1 }], style: '#336699' },
    });
    for (const wrong of [
      '',
      'blur',
      'faces',
      'faces:',
      'boxes',
      'boxes:0:0:1',
      'boxes:0:0:1:2',
      'faces:blur:0:0:1:1',
      ':boxes:0:0:1:1',
      'boxes:blur',
    ])
      assert.throws(() => redact(wrong), { code: 'unknown_preset' }, wrong);
  });

  it('is counted: its copies, and a look', () => {
    const size = { width: 4000, height: 3000 };
    const header = { format: 'jpeg', coding: 'jpeg', size, stored: size, frames: 1, hasAlpha: false } as const;
    const rest = { delays: undefined, loop: undefined, turned: false, hasProfile: false, deep: false, exif: undefined };
    const cost = (preset: object) =>
      estimateRender({ header: { ...header, ...rest } }, resolve({ width: 2000, ...preset }).recipe);
    const [plain, faces] = [cost({}), cost({ redact: { faces: 'blur' } })];
    assert.ok(faces.ms > plain.ms + 50 && faces.bytes > plain.bytes + 16 * 2000 * 1500);
  });
});

describe('covered parts of a rendition', () => {
  it('are of one colour to the pixel, with what scaling mixes in, and nothing else changes', async () => {
    const original = await stripes(400, 300);
    const [plain, covered] = await Promise.all(
      [{}, { redact: { boxes: [BOX], style: '#336699' } }].map(async (preset) =>
        pixelsOf((await render(original, resolve({ ...preset, lossless: true }).recipe)).body),
      ),
    );
    const inside = coloursIn(covered!, 50 - 4, 75 - 4, 50 + 8, 38 + 8);
    assert.deepEqual([...inside], [[0x33, 0x66, 0x99].join()]);
    for (const [left, top, width, height] of [
      [0, 0, 200, 71],
      [0, 117, 200, 33],
      [0, 0, 46, 150],
      [104, 0, 96, 150],
    ] as const)
      for (let y = top; y < top + height; y += 1)
        for (let x = left; x < left + width; x += 1)
          assert.deepEqual(covered!.at(x, y).slice(0, 3), plain!.at(x, y).slice(0, 3), `${x} ${y}`);
  });

  it('leave six samples at most along a side, at each size, however fine the picture is', async () => {
    const noise = Buffer.from(Array.from({ length: 800 * 600 * 3 }, (_, at) => (at * 7919 * (at % 13)) % 256));
    const original = await sharp(noise, { raw: { width: 800, height: 600, channels: 3 } })
      .png()
      .toBuffer();
    for (const suffix of ['', '@2x', '@120w', '@800w']) {
      const preset = { redact: { boxes: [BOX], style: 'pixelate' }, widths: [120, 800], lossless: true };
      const { body, width, height } = await render(original, resolve(preset, suffix).recipe);
      const picture = await pixelsOf(body);
      const [left, top] = [Math.floor(0.25 * width), Math.floor(0.5 * height)];
      const colours = coloursIn(picture, left, top, Math.floor(0.25 * width), Math.floor(0.25 * height));
      assert.ok(colours.size <= 36 && colours.size > 3, `${suffix} ${colours.size}`);
      const soft = resolve({ ...preset, redact: { boxes: [BOX], style: 'blur' } }, suffix).recipe;
      const blurred = await pixelsOf((await render(original, soft)).body);
      let steepest = 0;
      for (let y = top + 1; y < top + 0.25 * height - 1; y += 1)
        for (let x = left + 1; x < left + 0.25 * width - 1; x += 1)
          steepest = Math.max(steepest, Math.abs(blurred.at(x, y)[0]! - blurred.at(x + 1, y)[0]!));
      assert.ok(steepest < 60, `${suffix} ${steepest}`);
    }
  });

  it('have no part in what is enlarged beside them, whichever side is', async () => {
    const size = { width: 24, height: 18 };
    const noise = Buffer.from(Array.from({ length: 24 * 18 * 3 }, (_, at) => (at * 7919 * (at % 13)) % 256));
    const other = Buffer.from(noise);
    // Each pixel that the box touches: it begins and ends in the middle of one.
    const box = { x: 6.5 / 24, y: 9.5 / 18, width: 6 / 24, height: 3 / 18 };
    for (let y = 9; y < 13; y += 1)
      for (let at = (24 * y + 6) * 3; at < (24 * y + 13) * 3; at += 1) other[at] = 255 - other[at]!;
    const originals = [noise, other].map((data) =>
      sharp(data, { raw: { ...size, channels: 3 } })
        .png()
        .toBuffer(),
    );
    for (const preset of [
      { width: 240, height: 180 },
      { width: 480, height: 12, fit: 'fill' },
      { width: 12, height: 360, fit: 'fill' },
      { width: 300, height: 300, fit: 'pad', background: 'blur', rotate: 90 },
    ]) {
      const { recipe } = resolve({ ...preset, enlarge: true, redact: { boxes: [box] }, lossless: true });
      const shown = await Promise.all(originals.map(async (each) => (await render(await each, recipe)).body));
      assert.ok(shown[0]?.equals(shown[1] ?? Buffer.alloc(0)), JSON.stringify(preset));
    }
  });

  it('lie where they lay at each size, and are cut off where a crop cuts them', async () => {
    const original = await sharp({ create: { width: 800, height: 400, channels: 3, background: '#fff' } })
      .png()
      .toBuffer();
    for (const [preset, share] of [
      [{ width: 200 }, 0.0625],
      [{ width: 100, height: 100, fit: 'fill' }, 0.0625],
      // The left half of the box is outside.
      [{ width: 100, height: 100, fit: 'cover', gravity: 'center' }, 0.0625],
      [{ width: 200, height: 200, fit: 'contain', margin: 10 }, 0.02],
    ] as const)
      for (const suffix of ['', '@2x', '@400w']) {
        const box = { x: 0.125, y: 0.5, width: 0.25, height: 0.25 };
        const { recipe } = resolve({ ...preset, redact: { boxes: [box] }, widths: [400], lossless: true }, suffix);
        const { body, width, height } = await render(original, recipe);
        const picture = await pixelsOf(body);
        let black = 0;
        for (let at = 0; at < picture.data.length; at += picture.channels) if (picture.data[at]! < 40) black += 1;
        const border = (2 * 4 * 2 * (width + height)) / 4 / (width * height);
        assert.ok(
          Math.abs(black / (width * height) - share) < border + 0.01,
          `${JSON.stringify(preset)} ${suffix} ${black / (width * height)}`,
        );
      }
  });

  it('are opaque, because letters may be cut out of alpha, and covered in each frame', async () => {
    const { body } = await render(
      await stripes(200, 150, 4),
      resolve({ redact: { boxes: [BOX] }, lossless: true }).recipe,
    );
    assert.deepEqual([...coloursIn(await pixelsOf(body), 50, 75, 50, 37)], ['0,0,0,255']);
    const frames = await Promise.all(
      ['#f00', '#00f', '#0f0'].map((background) =>
        sharp({ create: { width: 60, height: 40, channels: 3, background } })
          .raw()
          .toBuffer(),
      ),
    );
    const animation = await sharp(Buffer.concat(frames), {
      raw: { width: 60, height: 120, channels: 3, pageHeight: 40 },
    })
      .webp({ lossless: true, delay: [90, 90, 90] })
      .toBuffer();
    for (const style of ['#000000', 'pixelate', 'blur'] as const) {
      const { recipe } = resolve({
        width: 60,
        animated: true,
        format: 'webp',
        lossless: true,
        redact: { boxes: [BOX], style },
      });
      const picture = await pixelsOf((await render(animation, recipe)).body, { animated: true });
      for (const [frame, colour] of ['255,0,0', '0,0,255', '0,255,0'].entries()) {
        const inside = coloursIn(picture, 15, frame * 40 + 20, 15, 10);
        assert.deepEqual([...inside].map(rgb), [style === '#000000' ? '0,0,0' : colour], style);
        assert.deepEqual([...coloursIn(picture, 0, frame * 40, 60, 16)].map(rgb), [colour]);
      }
    }
  });

  it('are those of an edit too, solid on top of those of a preset, of one pixel and of all', async () => {
    const original = await stripes(40, 30);
    const whole = { x: 0, y: 0, width: 1, height: 1 };
    for (const [picture, box] of [
      [original, whole],
      [await stripes(1, 1), BOX],
      [await stripes(1, 90), BOX],
      [original, { x: 0.999, y: 0.999, width: 0.001, height: 0.001 }],
    ] as const) {
      const recipe = resolve({ redact: { boxes: [whole], style: 'blur' }, lossless: true }).recipe;
      const { body, width, height } = await render(picture, { ...recipe, edit: { redact: [box] } });
      const shown = await pixelsOf(body);
      assert.ok([...coloursIn(shown, 0, 0, width, height)].some((colour) => /^0(,0,0(,255)?)?$/.test(colour)));
    }
    const { body } = await render(original, { width: 40, lossless: true, edit: { redact: [whole, whole, BOX] } });
    assert.equal(coloursIn(await pixelsOf(body), 0, 0, 40, 30).size, 1);
  });

  it('are whole heads: hair, ears and chin, by the deepest look, in each fit', async () => {
    const original = await sharp({ create: { width: 800, height: 600, channels: 3, background: '#fff' } })
      .png()
      .toBuffer();
    const found: Face[] = [face(0.5, 0.5, 0.1, 0.15), face(0.9, 0.02, 0.1, 0.1), face(0.01, 0.9, 0.02, 0.03)];
    for (const fit of ['inside', 'contain', 'fill', 'cover', 'outside'] as const) {
      const depths: string[] = [];
      const { recipe } = resolve({ width: 200, height: 150, fit, redact: { faces: '#000000' }, lossless: true });
      const { body } = await render(original, recipe, async (_probe, depth) => {
        depths.push(depth);
        return found;
      });
      const picture = await pixelsOf(body);
      assert.ok(depths.length > 0 && depths.every((depth) => depth === 'tiles'), fit);
      // 0.1 × 0.15 of 200 × 150, from the hair to below the chin, and from ear to ear.
      assert.equal(coloursIn(picture, 97, 66, 26, 34).size, 1, fit);
      assert.equal(coloursIn(picture, 180, 0, 20, 20).size, 1, fit);
      assert.equal(coloursIn(picture, 2, 135, 4, 5).size, 1, fit);
      assert.deepEqual(picture.at(60, 40).slice(0, 1), [255]);
    }
  });

  it('are not guessed: without a look there is no rendition', async () => {
    const { recipe } = resolve({ redact: { faces: 'blur' } });
    await assert.rejects(
      render(await stripes(40, 30), recipe, async () => undefined),
      { code: 'busy' },
    );
  });
});
