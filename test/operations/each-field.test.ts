import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import { createDecoders } from '../../src/decoders/decoders.ts';
import { NO_ASSETS } from '../../src/presets/known-assets.ts';
import { createPresets } from '../../src/presets/presets.ts';
import type { PresetDefinitions } from '../../src/presets/schema.ts';
import { renditionSize } from '../../src/render/stages/view/plan.ts';
import { createStepTimer } from '../../src/telemetry/step-timer.ts';
import { FIELDS, PAIRS } from '../golden/operations.ts';
import { face } from '../helpers/faces.ts';
import { heicFile } from '../helpers/heic-files.ts';
import { withImages } from '../helpers/overlay-assets.ts';

/**
 * Every field of a preset on every kind of original, and every pair on its own, at its own size, `@2x` and two widths: the size that the rule says, pages, alpha,
 * profile and format as promised, and the same look at each size. Properties, not bytes: those are in test/golden.
 */

type Field = keyof typeof FIELDS;
type Definition = PresetDefinitions[string];

const file = (path: string) => readFile(new URL(`../../${path}`, import.meta.url));
const KINDS = {
  JPEG: await sharp(await file('samples/coffee.jpg'))
    .resize(360)
    .jpeg({ quality: 95 })
    .toBuffer(),
  'PNG with alpha': await sharp(await file('samples/cutout.png'))
    .resize(360)
    .png()
    .toBuffer(),
  'animated GIF': await file('samples/spinner.gif'),
  'P3 JPEG': await file('samples/wide-gamut.jpg'),
  HEIC: heicFile('tile-1.heic'),
};
/** Of pairs alone. */
const OTHERS = { 'turned JPEG': await file('samples/turned.jpg'), 'three HEIC': heicFile('three-pictures.heic') };
type Kind = keyof typeof KINDS | keyof typeof OTHERS;
const KIND_OF: Readonly<Record<string, Kind>> = {
  ...{ 'astronaut.jpg': 'JPEG', 'cutout.png': 'PNG with alpha', 'spinner.gif': 'animated GIF' },
  ...{ 'wide-gamut.jpg': 'P3 JPEG', 'tile-1.heic': 'HEIC', 'turned.jpg': 'turned JPEG' },
  'three-pictures.heic': 'three HEIC',
};
const GIF_FRAMES = 4;
const OPAQUE: readonly Kind[] = ['JPEG', 'P3 JPEG', 'HEIC', 'turned JPEG', 'three HEIC'];

/** Levels of 255 by which sizes of one rendition may differ: the mean of all pixels, and that of any block of 8 × 8 pixels. */
type Bounds = readonly [mean: number, most: number];
const BLOCK_PX = 8;
const SAME: Bounds = [4, 11];
const WHOLE_PIXELS: Bounds = [8, 25];
const FEW_BITS: Bounds = [8, 26];

interface Rule {
  /** In place of the golden one: where that shows all of an original only at its own size. */
  readonly definition?: Definition;
  readonly look?: Bounds;
  /** Of originals that the field is not for: the error's code. */
  readonly refused?: (kind: Kind) => string | undefined;
  /** Whether the field must show in the bytes, where it does not on all kinds. */
  readonly shows?: (kind: Kind) => boolean;
}
/** Fields that need more than the rule of all. */
const RULES: Partial<Record<Field, Rule>> = {
  // Where bits are few, each size loses other detail.
  ...{ quality: { look: FEW_BITS }, qualities: { look: FEW_BITS }, ssim: { look: FEW_BITS } },
  maxBytes: { look: FEW_BITS },
  // Sixteen colours are chosen anew at each size; the wheel of colours has more.
  palette: { look: [16, 65] },
  // Edges of what is laid out lie on whole pixels of each size, so half a pixel beside the other's.
  ...{ fit: { look: WHOLE_PIXELS }, margin: { look: WHOLE_PIXELS }, padding: { look: WHOLE_PIXELS } },
  ...{ aspectRatio: { look: WHOLE_PIXELS }, crop: { look: WHOLE_PIXELS }, saturation: { look: WHOLE_PIXELS } },
  ...{ gravity: { look: WHOLE_PIXELS }, border: { look: WHOLE_PIXELS } },
  // Interpolated between pixels that are further apart at each size.
  enlarge: { look: WHOLE_PIXELS },
  // Squares have whole pixels, and so have the letters' stems and lines.
  ...{ pixelate: { look: FEW_BITS }, redact: { look: FEW_BITS }, overlays: { look: [9, 36] } },
  // Nothing is enlarged: with less room than this, a larger size shows more around the face, or a smaller picture on its canvas.
  faceZoom: {
    definition: { width: 90, height: 90, widths: [75, 120], fit: 'cover', format: 'webp', faceZoom: 1.3 },
    look: [9, 33],
  },
  extend: {
    definition: { width: 100, height: 80, widths: [80, 150], format: 'webp', extend: true },
    look: WHOLE_PIXELS,
  },
  page: { refused: (kind) => (kind === 'animated GIF' ? undefined : 'original_not_found') },
  background: { shows: (kind) => kind === 'PNG with alpha' },
  // Its corners are transparent already.
  radius: { shows: (kind) => kind !== 'PNG with alpha' },
  gamut: { shows: (kind) => kind === 'P3 JPEG' },
  // A wheel of colours is as sharp when it is small.
  sharpen: { shows: (kind) => kind !== 'P3 JPEG' },
};
/** Boxes are covered with four pixels around them, of each size. */
const COVERED: Bounds = [7, 85];
const PAIR_RULES: Readonly<Record<string, Rule>> = {
  ...{ 'redact, rotate and crop': { look: COVERED }, 'redact and sepia': { look: COVERED } },
  ...{ 'overlays and p3': { look: [11, 36] }, 'overlays and grayscale': { look: [9, 36] } },
  // Rows of a few pixels, of which one is a fifth.
  ...{ 'pad with an edge colour and padding': { look: [8, 36] }, 'trim and rotate': { look: [8, 36] } },
  'enlarge and contain': { look: [8, 36] },
  'extend and margin': { definition: { width: 100, height: 140, format: 'webp', extend: true, margin: 5 } },
};

/** Whose pixels change on every kind, unless their rule says on which. */
const SHOWN: readonly Field[] = [
  ...(['brightness', 'contrast', 'gamma', 'saturation', 'hue', 'grayscale', 'sepia', 'tint', 'duotone'] as const),
  ...(['sharpen', 'pixelate', 'blur', 'redact', 'crop', 'rotate', 'flip', 'padding', 'margin'] as const),
  ...(['overlays', 'border', 'background', 'radius', 'gamut', 'palette', 'qualities'] as const),
];

const logo = await file('examples/assets/logo.png');
const digest = createHash('sha256').update(logo).digest('hex');
const decoders = createDecoders({ threads: 2, idleMs: 10_000, without: [] });
const { renderer } = withImages({ 'logo.png': logo }, decoders);
const known = { ...NO_ASSETS, image: (name: string) => (name === 'logo.png' ? digest : undefined) };
const originals = Object.fromEntries(
  await Promise.all(
    Object.entries({ ...KINDS, ...OTHERS }).map(async ([kind, body]) => [kind, await renderer.examine(body)] as const),
  ),
);

async function make(definition: Definition, suffix: string, kind: Kind) {
  const presets = createPresets({ definitions: { any: definition }, inline: false, faces: true, assets: known });
  const { recipe } = presets.resolve('any', suffix, undefined);
  const whole = originals[kind] ?? assert.fail();
  const original = recipe.page ? await renderer.pageOf(whole, recipe.page) : whole;
  // Fields of delivery change no recipe.
  const name = JSON.stringify([kind, recipe]);
  const seen = [face(0.3, 0.2, 0.25)];
  const making =
    renditions.get(name) ??
    renderer
      .render(original, recipe, createStepTimer(), async () => seen)
      .then(({ body, width, height }) => ({ body, width, height }));
  renditions.set(name, making);
  return { ...(await making), recipe, original };
}
const renditions = new Map<
  string,
  Promise<{ readonly body: Buffer; readonly width: number; readonly height: number }>
>();
type Made = Awaited<ReturnType<typeof make>>;

/** Pixels of the last frame at a size, each channel by its alpha. */
async function pixelsOf({ body }: Made, width: number, height: number, page: number) {
  const image = sharp(body, { page }).ensureAlpha().resize(width, height, { fit: 'fill' });
  const pixels = await image.raw().toBuffer();
  for (let at = 0; at < pixels.length; at += 4)
    for (const channel of [0, 1, 2]) pixels[at + channel] = Math.round((pixels[at + channel]! * pixels[at + 3]!) / 255);
  return pixels;
}

/** Both at the smaller one's size: a small one that is enlarged would be blurred beside the other. */
async function difference(a: Made, b: Made, page: number): Promise<Bounds> {
  const [width, height] = [Math.min(a.width, b.width), Math.min(a.height, b.height)];
  const [one, other] = await Promise.all([pixelsOf(a, width, height, page), pixelsOf(b, width, height, page)]);
  const [across, down] = [Math.floor(width / BLOCK_PX), Math.floor(height / BLOCK_PX)];
  // By channel too; what is left at the right and below is in the mean alone.
  const blocks = new Float64Array(across * down * 4);
  let sum = 0;
  for (let at = 0; at < one.length; at += 1) {
    const by = one[at]! - other[at]!;
    const [x, y] = [Math.floor(((at >> 2) % width) / BLOCK_PX), Math.floor((at >> 2) / width / BLOCK_PX)];
    sum += Math.abs(by);
    if (x < across && y < down) blocks[(y * across + x) * 4 + (at & 3)]! += by / BLOCK_PX ** 2;
  }
  return [sum / one.length, Math.max(...blocks.map(Math.abs))];
}

async function assertPromised(made: Made, definition: Definition, kind: Kind): Promise<void> {
  const { body, recipe, original } = made;
  const { width, height = 0, pages = 1, pageHeight = height, ...found } = await sharp(body).metadata();
  const frames = definition.animated && kind === 'animated GIF' ? (definition.frames ?? GIF_FRAMES) : 1;
  assert.equal(pages, frames, 'frames');
  assert.deepEqual([width, pageHeight], [made.width, made.height], 'the size that the renderer tells');
  // A border is known only once it was looked at.
  const ruled = renditionSize(original.header.size, recipe, frames);
  const isTrimmed = recipe.trim !== undefined && !OPAQUE.includes(kind);
  if (!isTrimmed) assert.deepEqual({ width, height: pageHeight }, ruled, 'the size that the rule says');
  assert.equal(found.format, recipe.output === 'avif' ? 'heif' : recipe.output);
  assert.equal(found.icc !== undefined, definition.gamut === 'p3' && kind === 'P3 JPEG', 'a profile');
  assert.equal(found.exif, definition.dpi === undefined ? undefined : found.exif, 'metadata');
  if (definition.speed)
    assert.deepEqual(
      found.delay,
      original.header.delays?.map((delay) => delay / definition.speed!),
    );
  if (definition.dpi) assert.equal(found.density, definition.dpi);
  if (definition.progressive) assert.equal(found.isProgressive, true);
  if (definition.chroma) assert.equal(found.chromaSubsampling, definition.chroma);
  if (definition.palette) assert.ok((await coloursIn(body)) <= definition.palette, 'colours');
  const alphas = await sharp(body).ensureAlpha().extractChannel('alpha').raw().toBuffer();
  const least = alphas.reduce((low, alpha) => Math.min(low, alpha), 255);
  // A blur reaches far into what is small.
  const solid = definition.blur ? 240 : 255;
  const covered = recipe.output === 'jpeg' || recipe.background !== undefined;
  // What is rounded lies on what a pad has behind it.
  if (definition.radius && !covered && definition.background === undefined) assert.equal(alphas[0], 0, 'a corner');
  else if (covered || OPAQUE.includes(kind)) assert.equal(least, 255, 'is transparent somewhere');
  else if (kind === 'PNG with alpha')
    assert.deepEqual([least, alphas.some((alpha) => alpha >= solid)], [0, true], 'clear and solid');
}

async function coloursIn(body: Buffer): Promise<number> {
  const pixels = await sharp(body).ensureAlpha().raw().toBuffer();
  return new Set(new Uint32Array(new Uint8Array(pixels).buffer)).size;
}

const variantsOf = ({ format, pixelRatios = [], widths = [] }: Definition) =>
  format === 'original' ? [''] : ['', ...pixelRatios.map((ratio) => `@${ratio}x`), ...widths.map((px) => `@${px}w`)];

/** All sizes of a preset, each with what it promises and with the look of the first, which is its own size. */
async function assertAlike(what: string, definition: Definition, kind: Kind, look: Bounds, pinned = ''): Promise<Made> {
  let first: Made | undefined;
  for (const suffix of variantsOf(definition)) {
    const told = `${what}${suffix} of ${kind}`;
    const made = await make(definition, suffix + pinned, kind);
    first ??= made;
    if (made.recipe.output === 'original') continue;
    await assertPromised(made, definition, kind).catch((error: Error) => {
      throw Object.assign(error, { message: `${told}: ${error.message}` });
    });
    const page = definition.animated && kind === 'animated GIF' ? (definition.frames ?? GIF_FRAMES) - 1 : 0;
    const [mean, most] = await difference(first, made, page);
    const is = `${mean.toFixed(1)} and ${most.toFixed(1)} levels beside its own size`;
    assert.ok(mean <= look[0] && most <= look[1], `${told}: ${is}`);
  }
  return first ?? assert.fail();
}

/** Coding noise differs at each size, so there is little of it unless it is the question. */
const calm = (look?: Bounds) => (look === FEW_BITS ? {} : { quality: 95 });
const SIZES = { widths: [80, 160], pixelRatios: [2] };

after(() => decoders.close());

describe('each field of a preset, on each kind of original, at each size', () => {
  for (const [field, [, golden, own = '']] of Object.entries(FIELDS) as [Field, (typeof FIELDS)[Field]][]) {
    const rule = RULES[field] ?? {};
    const sends = golden.format === 'original';
    const definition = { ...(sends ? {} : { ...SIZES, ...calm(rule.look) }), ...(rule.definition ?? golden) };

    it(field, async () => {
      for (const kind of Object.keys(KINDS) as (keyof typeof KINDS)[]) {
        const code = rule.refused?.(kind);
        if (code) {
          for (const suffix of variantsOf(definition)) await assert.rejects(make(definition, suffix, kind), { code });
          continue;
        }
        const pinned = own.startsWith('.') ? own : '';
        const first = await assertAlike(field, definition, kind, rule.look ?? SAME, pinned);
        if (sends) assert.equal(first.body.equals(KINDS[kind]), true, kind);
        if (!SHOWN.includes(field)) continue;
        const { [field]: _, ...without } = definition;
        const bare = await make(without, '', kind);
        assert.equal(!bare.body.equals(first.body), rule.shows?.(kind) ?? true, `${field} of ${kind} does nothing`);
      }
    });
  }
});

describe('each pair of fields, on its kind of original, at each size', () => {
  for (const [pair, [id, golden]] of Object.entries(PAIRS)) {
    const { look = WHOLE_PIXELS, definition = golden } = PAIR_RULES[pair] ?? {};
    it(pair, async () => {
      await assertAlike(pair, { ...SIZES, ...calm(look), ...definition }, KIND_OF[id] ?? assert.fail(id), look);
    });
  }
});
