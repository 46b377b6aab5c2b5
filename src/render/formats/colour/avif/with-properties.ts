import { boxBytes } from '../../box-writer.ts';
import { type Box, boxes, hasWideIndexes, type Items } from './boxes.ts';

/** The highest number of a property where `ipma` has 7 bits for it, and where it has 15. */
const MAX_INDEX = { narrow: 0x7f, wide: 0x7fff };
const MAX_ASSOCIATIONS = 0xff;

/**
 * The same file, whose picture has an ICC profile: a `colr` box of type `prof` beside the `nclx` one, by which YCbCr becomes RGB
 * as before (ISO/IEC 23008-12, 6.5.5, allows one of each). Undefined where there is no number left for it.
 */
export function withAvifProfile(file: Buffer, items: Items, profile: Buffer): Buffer | undefined {
  const added = { item: items.primary, properties: [items.properties.length], essential: false };
  return withProperties(file, items, added, boxBytes('colr', 'prof', profile));
}

interface Added {
  readonly item: number;
  /** From 0, in the order of `ipco`. */
  readonly properties: readonly number[];
  /** Whether a reader that does not know them must not show the item. */
  readonly essential: boolean;
}

/** The same file, of which an item has further properties. `box`: a new one, the last. Undefined where there is no room for them. */
export function withProperties(
  file: Buffer,
  items: Items,
  added: Added,
  ...box: readonly Buffer[]
): Buffer | undefined {
  const { meta, iprp, ipco, ipmas, associations } = items;
  const own = associations.get(added.item);
  const ipma = own && ipmas.find(({ body, end }) => own.count > body && own.end <= end);
  if (!own || !ipma) return undefined;
  const wide = hasWideIndexes(file, ipma);
  const count = own.properties.length + added.properties.length;
  const highest = Math.max(...added.properties) + 1;
  if (count > MAX_ASSOCIATIONS || highest > MAX_INDEX[wide ? 'wide' : 'narrow']) return undefined;
  const numbers = added.properties.map((index) => index + 1);
  const association = wide
    ? Buffer.from(numbers.flatMap((n) => [(n >> 8) | (added.essential ? 0x80 : 0), n & 0xff]))
    : Buffer.from(numbers.map((n) => n | (added.essential ? 0x80 : 0)));
  const associated = Buffer.concat([file.subarray(ipma.body, own.end), association, file.subarray(own.end, ipma.end)]);
  associated.writeUInt8(count, own.count - ipma.body);
  const boxed = new Map([
    [ipco.at, boxBytes('ipco', file.subarray(ipco.body, ipco.end), ...box)],
    [ipma.at, boxBytes('ipma', associated)],
  ]);
  const changed = boxBytes('iprp', ...within(file, iprp, 0, boxed));
  const moved = boxBytes(
    'meta',
    file.subarray(meta.body, meta.body + 4),
    ...within(file, meta, 4, new Map([[iprp.at, changed]])),
  );
  return Buffer.concat([withoutMeta(file, meta), moved]);
}

/** The boxes inside another, some of them replaced. `skip`: bytes before the first. */
function within(file: Buffer, outer: Box, skip: number, replaced: ReadonlyMap<number, Buffer>): Buffer[] {
  return Array.from(
    boxes(file, outer.body + skip, outer.end),
    ({ at, end }) => replaced.get(at) ?? file.subarray(at, end),
  );
}

/** The offsets in `iloc` count from the file's start, so no byte moves: the old box becomes free space, and the new one the last. */
function withoutMeta(file: Buffer, { at }: Box): Buffer {
  const copy = Buffer.from(file);
  copy.write('free', at + 4, 'latin1');
  const last = boxes(file, 0, file.length).reduce<Box | undefined>((_, next) => next, undefined);
  // A size of 0 says that a box reaches to the file's end.
  if (last && copy.readUInt32BE(last.at) === 0) copy.writeUInt32BE(last.end - last.at, last.at);
  return copy;
}
