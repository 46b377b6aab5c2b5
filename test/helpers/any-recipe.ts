import fc from 'fast-check';
import { COMPASS, FITS, type Recipe } from '../../src/render/recipe.ts';
import { PLAIN } from './pictures.ts';

const fraction = fc.double({ min: 0, max: 1, noNaN: true });
const point = fc.record({ x: fraction, y: fraction });
const box = fc.record({ x: fraction, y: fraction, width: fraction, height: fraction });
const length = (least: number, most: number) =>
  fc.oneof(
    fc.integer({ min: least, max: most }),
    fc.double({ min: least / 10, max: 100, noNaN: true }).map((percent) => `${Number(percent.toFixed(2))}%` as const),
  );
const turn = {
  rotate: fc.constantFrom(90 as const, 180 as const, 270 as const),
  flip: fc.constantFrom('horizontal' as const, 'vertical' as const, 'both' as const),
};

/** Sides of originals from one pixel on, small ones more often. */
export const anySide = (most: number) => fc.double({ min: 0, max: 1, noNaN: true }).map((t) => Math.round(most ** t));

/** Recipes of all fields of geometry, in sizes of up to `most`. Contradictory fields are left out, as presets refuse them. */
export const anyRecipe = (most: number): fc.Arbitrary<Recipe> =>
  fc
    .record(
      {
        width: anySide(most),
        height: anySide(most),
        fit: fc.constantFrom(...FITS),
        gravity: fc.oneof(fc.constantFrom('center', 'attention', 'entropy', 'auto', ...COMPASS), point),
        crop: fc.record({ x: length(0, most), y: length(0, most), width: length(1, most), height: length(1, most) }),
        ...turn,
        edit: fc.record({ ...turn, crop: box, focus: point }, { requiredKeys: [] }),
        enlarge: fc.constant(true as const),
        extend: fc.constant(true as const),
        margin: fc.constantFrom(0, 0.05, 0.4),
        background: fc.constantFrom('#204080'),
        frame: fc.record(
          {
            padding: fc.tuple(anySide(most), anySide(most), anySide(most), anySide(most)),
            backdrop: fc.constantFrom('blur' as const, 'auto' as const),
          },
          { requiredKeys: [] },
        ),
        trim: fc.constant(10),
        animated: fc.constant(true),
        output: fc.constantFrom('webp' as const, 'png' as const, 'jpeg' as const, 'base' as const),
        faceZoom: fc.constantFrom(1, 3),
      },
      { requiredKeys: ['width', 'height', 'fit'] },
    )
    .map(({ frame, extend, enlarge, margin = 0, ...fields }) => {
      const { fit } = fields;
      const mayExtend = extend && !enlarge && fit !== 'fill' && fit !== 'outside';
      const padding = frame?.padding && fitting(frame.padding, fields);
      const drawn = {
        ...(padding ? { padding } : {}),
        ...(frame?.backdrop && fit === 'pad' ? { backdrop: frame.backdrop } : {}),
      };
      return {
        ...PLAIN,
        ...fields,
        ...(mayExtend ? { extend } : {}),
        ...(enlarge ? { enlarge } : {}),
        margin: fit === 'inside' || fit === 'contain' || fit === 'pad' ? margin : 0,
        ...(Object.keys(drawn).length > 0 ? { effects: { unit: 1, frame: drawn } } : {}),
      };
    });

/** Undefined where it leaves no room. */
function fitting(
  padding: readonly [number, number, number, number],
  { width, height }: { width: number; height: number },
) {
  const [top, right, bottom, left] = padding;
  return left + right < width && top + bottom < height ? padding : undefined;
}
