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
  const { meta, iprp, ipco, ipma, properties, associations, primary } = items;
  const own = associations.get(primary);
  const index = properties.length + 1;
  const wide = hasWideIndexes(file, ipma);
  if (!own || own.properties.length >= MAX_ASSOCIATIONS || index > MAX_INDEX[wide ? 'wide' : 'narrow'])
    return undefined;
  const association = Buffer.from(wide ? [index >> 8, index & 0xff] : [index]);
  const associated = Buffer.concat([file.subarray(ipma.body, own.end), association, file.subarray(own.end, ipma.end)]);
  associated.writeUInt8(own.properties.length + 1, own.count - ipma.body);
  const colr = boxBytes('colr', 'prof', profile);
  const boxed = new Map([
    [ipco.at, boxBytes('ipco', file.subarray(ipco.body, ipco.end), colr)],
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
