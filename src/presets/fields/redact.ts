import { z } from 'zod';
import type { Effects } from '../../render/effects/effects.ts';
import { decimal, type InlineField } from './inline-values.ts';
import type { Rules } from './rules.ts';

const cover = z.union(
  [z.enum(['blur', 'pixelate']), z.templateLiteral(['#', z.string().regex(/^[0-9a-fA-F]{6}$/)])],
  'expected blur, pixelate or a colour such as #000000',
);
const fraction = z.number().min(0).max(1);
/** At most this many, because each is one more step. */
const MAX_BOXES = 16;
const box = z
  .strictObject({ x: fraction, y: fraction, width: fraction.gt(0), height: fraction.gt(0) })
  .refine(({ x, y, width, height }) => x + width <= 1 + 1e-9 && y + height <= 1 + 1e-9, 'reaches beyond the picture');

/** Preset fields that cover parts of a rendition. */
export const REDACT_FIELDS = {
  redact: z
    .strictObject({
      /** How heads are covered, all that are found. */
      faces: cover.optional(),
      /** Fractions of the upright original, the same of every original. */
      boxes: z.array(box).min(1).max(MAX_BOXES).optional(),
      /** How boxes are covered; black where left out. */
      style: cover.optional(),
    })
    .refine(({ faces, boxes }) => faces !== undefined || boxes !== undefined, 'needs faces or boxes')
    .refine(({ boxes, style }) => style === undefined || boxes !== undefined, 'has a style, which needs boxes')
    .optional(),
};

interface Redacting {
  readonly redact?: z.output<typeof REDACT_FIELDS.redact>;
  readonly animated: boolean;
  readonly page?: number | undefined;
}

export const REDACT_RULES: Rules<Redacting> = [
  [
    ({ redact, animated }) => redact?.faces === undefined || !animated,
    'cannot be both animated and redact faces, because they are looked for in the first frame only',
  ],
  [
    ({ redact, page }) => redact?.faces === undefined || !page,
    'cannot show another page and redact faces, because they are looked for in the first one only',
  ],
];

/**
 * The same in inline recipes: `redact_faces:blur`, `redact_boxes:0p1:0p2:0p3:0p05` with four numbers a box, `redact_boxes:pixelate:…`,
 * or both behind each other. Colours without their `#`.
 */
export const INLINE_REDACT = { redact: ['redact', redactions] } as const satisfies Record<string, InlineField>;

function redactions(text: string): unknown {
  const { faces, boxes } =
    /^(?:faces:(?<faces>[A-Za-z0-9]+))?(?:(?:^|(?<=.):)boxes:(?<boxes>[A-Za-z0-9:-]+))?$/.exec(text)?.groups ?? {};
  if (faces === undefined && boxes === undefined) return text;
  const [first = '', ...others] = boxes?.split(':') ?? [];
  const styled = /^([a-f0-9]{6}|[a-z]{2,})$/i.test(first);
  const numbers = (styled ? others : [first, ...others]).map(decimal);
  return {
    ...(faces === undefined ? {} : { faces: coverOf(faces) }),
    ...(boxes === undefined ? {} : { boxes: inFours(numbers) }),
    ...(styled ? { style: coverOf(first) } : {}),
  };
}

const coverOf = (text: string) => (/^[a-f0-9]{6}$/i.test(text) ? `#${text}` : text);

/** A box that lacks a number is left for the schema to refuse. */
function inFours(numbers: readonly unknown[]): unknown[] {
  return Array.from({ length: Math.ceil(numbers.length / 4) }, (_, index) => {
    const [x, y, width, height] = numbers.slice(4 * index);
    return { x, y, width, height };
  });
}

export function redactOf({ redact }: Pick<Redacting, 'redact'>): Pick<Effects, 'redact'> {
  if (!redact) return {};
  // Absent, not undefined: keys are made of the names too.
  const { faces, boxes, style } = redact;
  return {
    redact: {
      ...(faces ? { faces } : {}),
      ...(boxes ? { boxes: boxes.map(({ x, y, width, height }) => ({ left: x, top: y, width, height })) } : {}),
      ...(style ? { style } : {}),
    },
  };
}
