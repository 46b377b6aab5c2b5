import fc from 'fast-check';
import { checkPresets, PresetsError } from '../../src/presets/schema.ts';

const colour = fc.constantFrom('#000000', '#ffffff', '#d7263d', '#10204a');
const percent = fc.integer({ min: 0, max: 100 }).map((share) => `${share}%`);
const fraction = fc.integer({ min: 0, max: 20 }).map((n) => n / 20);
const some = fc.integer({ min: 1, max: 400 });
const factor = fc.constantFrom(0, 0.3, 0.9, 1, 1.4, 4);
const position = fc.constantFrom('north', 'southeast', 'center', 'west');
const image = fc.record(
  {
    image: fc.constant('logo.png'),
    position,
    width: fc.integer({ min: 1, max: 100 }),
    opacity: fc.constantFrom(0.1, 1),
    rotate: fc.integer({ min: -360, max: 360 }),
    blend: fc.constantFrom('over', 'multiply', 'screen'),
    offset: fc.record({ x: fc.integer({ min: -300, max: 300 }), y: fc.integer({ min: 0, max: 300 }) }),
    minWidth: fc.constantFrom(1, 100, 5000),
  },
  { requiredKeys: ['image'] },
);
const tiled = fc.record({
  image: fc.constant('logo.png'),
  tile: fc.constant(true),
  width: fc.integer({ min: 5, max: 60 }),
});
const text = fc.record(
  {
    text: fc.constantFrom('Reserved', 'a', 'שלום <b>bold</b>', 'two\nlines', 'نص عربي', '   ', 'W'.repeat(200)),
    position,
    size: fc.constantFrom(4, 18, 300),
    color: colour,
    background: colour,
    outline: fc.record({ color: colour, width: fc.constantFrom(0.5, 4) }),
    width: fc.integer({ min: 1, max: 100 }),
    rotate: fc.integer({ min: -360, max: 360 }),
  },
  { requiredKeys: ['text'] },
);

/** Every field that a preset may have, with values from everyday to the ends of what is allowed. */
const FIELDS: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  width: fc.oneof(some, fc.constantFrom(1, 2, 999)),
  height: fc.oneof(some, fc.constantFrom(1, 3, 700)),
  fit: fc.constantFrom('cover', 'contain', 'fill', 'inside', 'outside', 'pad'),
  format: fc.constantFrom('webp', 'png', 'jpeg', 'avif', 'auto'),
  gravity: fc.oneof(
    fc.constantFrom('auto', 'attention', 'center', 'north', 'southwest', 'entropy'),
    fc.record({ x: fraction, y: fraction }),
  ),
  background: fc.oneof(colour, fc.constantFrom('blur', 'auto')),
  margin: fc.constantFrom(0, 10, 40),
  padding: fc.oneof(fc.integer({ min: 0, max: 30 }), fc.tuple(some, some, some, some)),
  crop: fc.record({
    x: fc.oneof(some, percent),
    y: fc.oneof(some, percent),
    width: fc.oneof(some, percent),
    height: fc.oneof(some, percent),
  }),
  rotate: fc.constantFrom(90, 180, 270),
  flip: fc.constantFrom('horizontal', 'vertical', 'both'),
  enlarge: fc.boolean(),
  extend: fc.boolean(),
  aspectRatio: fc.constantFrom('3:2', '1:1', '9:16', '100:1', '1:9999'),
  trim: fc.constantFrom(true, { tolerance: 0 }, { tolerance: 128 }),
  animated: fc.boolean(),
  gamut: fc.constantFrom('p3', 'srgb'),
  lossless: fc.boolean(),
  brightness: factor,
  contrast: factor,
  saturation: factor,
  gamma: fc.constantFrom(0.2, 1, 5),
  hue: fc.integer({ min: -360, max: 360 }),
  normalize: fc.boolean(),
  grayscale: fc.boolean(),
  sepia: fc.constantFrom(true, 0, 0.5, 1),
  tint: colour,
  duotone: fc.record({ shadows: colour, highlights: colour }),
  sharpen: fc.constantFrom('auto', 0.3, 2, 10),
  blur: fc.constantFrom(0.3, 4, 250),
  pixelate: fc.constantFrom(1, 7, 1000),
  radius: fc.constantFrom(0, 12, 8192, '10%', '50%', 'circle'),
  border: fc.record({ width: fc.constantFrom(0, 1, 7.5, 1000), color: colour }),
  redact: fc.record({
    boxes: fc.array(fc.record({ x: fraction, y: fraction, width: fraction, height: fraction }), { maxLength: 3 }),
    style: fc.oneof(colour, fc.constantFrom('blur', 'pixelate')),
  }),
  overlays: fc.array(fc.oneof(image, tiled, text), { minLength: 1, maxLength: 4 }),
  qualities: fc.record({ webp: fc.integer({ min: 1, max: 100 }), avif: fc.constant(50) }),
  quality: fc.constantFrom('auto', 1, 50, 100),
  maxBytes: fc.constantFrom(1, 700, 5000, 1_000_000),
  progressive: fc.boolean(),
  chroma: fc.constantFrom('4:2:0', '4:4:4', 'auto'),
  palette: fc.constantFrom(2, 16, 256),
  dpi: fc.constantFrom(1, 72, 2400),
  frames: fc.constantFrom(1, 2, 100),
  speed: fc.constantFrom(0.5, 1, 4),
  page: fc.constantFrom(0, 1, 2),
};
const NAMES = Object.keys(FIELDS).filter((name) => name !== 'width');

/** Presets of a width and up to six other fields that the schema takes: those that contradict each other are left out. */
export function randomPresets(count: number, seed: number): Record<string, object> {
  const one = fc
    .tuple(fc.subarray(NAMES, { minLength: 1, maxLength: 6 }), fc.boolean())
    .chain(([names, wide]) =>
      fc.record(
        Object.fromEntries(
          [...(wide ? ['width'] : ['width', 'height']), ...names].map((name) => [name, FIELDS[name] ?? some]),
        ),
      ),
    );
  const tried = fc.sample(one, { numRuns: count * 8, seed });
  const taken = tried.filter(isTaken).slice(0, count);
  return Object.fromEntries(taken.map((preset, index) => [`p${index}`, preset]));
}

/** Any fault of a definition is told as a PresetsError, whatever it is. */
function isTaken(preset: object): boolean {
  try {
    checkPresets({ preset });
    return true;
  } catch (error) {
    if (error instanceof PresetsError) return false;
    throw error;
  }
}
