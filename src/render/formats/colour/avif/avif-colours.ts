import type { Mend } from '../../../picture-source.ts';
import { cicpColours } from '../cicp-profile.ts';
import type { Told } from '../told.ts';
import { type Av1Colours, av1Colours } from './av1-sequence.ts';
import { type Box, type Items, itemsOf, propertiesOf, startOfItem } from './boxes.ts';
import { withAvifProfile, withProperties } from './with-properties.ts';

/** Delimiter, sequence header and the head of the frame. */
const STREAM_BYTES = 512;

/**
 * What an AVIF says of its colours other than by a profile: the `nclx` of its container, else its stream. libvips converts YCbCr
 * by them, but takes the RGB for sRGB, monochrome for full range, and alpha as it stands, turned or not by what is said of alpha
 * itself. Undefined where that is right.
 */
export function avifColours(file: Buffer): Told | undefined {
  try {
    const items = itemsOf(file);
    const turned = items && withTurnedAlpha(file, items);
    const read = turned ? itemsOf(turned) : items;
    const told = read && toldBy(turned ?? file, read);
    return told ?? (turned && { body: turned });
  } catch (error) {
    // A box that is cut short, or says so: libvips reads of it what it can.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function toldBy(file: Buffer, items: Items): Told | undefined {
  const { primary } = items;
  const own = propertiesOf(items, primary);
  const tile = firstTile(items, primary);
  const properties = tile === undefined ? own : [...own, ...propertiesOf(items, tile)];
  const mend = alphaMend(file, items);
  const stream = streamColours(file, items, primary);
  const nclx = properties.map((box) => nclxOf(file, box)).find((found) => found !== undefined);
  const said = nclx ?? stream;
  if (!said) return mend && { body: file, mend };
  const monochrome = stream?.monochrome === true;
  if (properties.some((box) => isProfile(file, box))) {
    // A profile of its own begins where range ends.
    const limited = monochrome && !said.fullRange;
    return limited || mend ? { body: file, mend: { ...mend, limited } } : undefined;
  }
  // libheif stretches red and blue by the factor of chroma; its numbers are left as they are, and the profile stretches them.
  const stretched = nclx?.matrix === IDENTITY && !nclx.fullRange && !monochrome ? nclx : undefined;
  const fullRange = said.fullRange || !(monochrome || stretched);
  const told = cicpColours({ ...said, fullRange, peakNits: peakOf(file, own) });
  const body = told && withAvifProfile(stretched ? withFullRange(file, stretched) : file, items, told.profile);
  if (!body) return mend && { body: file, mend };
  return { body, narrow: !told.wide, mend };
}

const IDENTITY = 0;

/** Of a picture in tiles, its first one; they are coded alike. */
function firstTile({ references }: Items, item: number): number | undefined {
  return references.find(({ type, from }) => type === 'dimg' && from === item)?.to[0];
}

function streamColours(file: Buffer, items: Items, item: number): Av1Colours | undefined {
  const coded = items.types.get(item) === 'grid' ? firstTile(items, item) : item;
  const stream = coded === undefined ? undefined : startOfItem(file, items, coded, STREAM_BYTES);
  return stream && av1Colours(stream);
}

interface Nclx extends Pick<Av1Colours, 'primaries' | 'transfer' | 'matrix' | 'fullRange'> {
  readonly box: Box;
}

const FULL_RANGE = 0x80;
const NCLX = { bytes: 11, range: 10 };

/** ISO/IEC 14496-12, 12.1.5. */
function nclxOf(file: Buffer, box: Box): Nclx | undefined {
  const { type, body, end } = box;
  if (type !== 'colr' || end - body < NCLX.bytes || file.toString('latin1', body, body + 4) !== 'nclx')
    return undefined;
  const [primaries, transfer, matrix] = [4, 6, 8].map((at) => file.readUInt16BE(body + at)) as [number, number, number];
  return { primaries, transfer, matrix, fullRange: (file.readUInt8(body + NCLX.range) & FULL_RANGE) !== 0, box };
}

function isProfile(file: Buffer, { type, body }: Box): boolean {
  return type === 'colr' && /^(prof|rICC)$/.test(file.toString('latin1', body, body + 4));
}

function withFullRange(file: Buffer, { box }: Nclx): Buffer {
  const copy = Buffer.from(file);
  copy.writeUInt8(copy.readUInt8(box.body + NCLX.range) | FULL_RANGE, box.body + NCLX.range);
  return copy;
}

/** The brightest light of `clli`, in nits: ISO/IEC 14496-12, 12.1.6. */
function peakOf(file: Buffer, properties: readonly Box[]): number | undefined {
  const light = properties.find(({ type, body, end }) => type === 'clli' && end - body >= 4);
  return (light && file.readUInt16BE(light.body)) || undefined;
}

const ALPHA = /^urn:mpeg:(mpegB:cicp:systems:auxiliary:alpha|hevc:2015:auxid:1)\0/;

/** Alpha, depth, gain map. */
const MAX_AUXILIARIES = 16;

/** The item of the picture's alpha. */
function alphaOf(file: Buffer, items: Items): number | undefined {
  const { primary, references } = items;
  const auxiliaries = references.filter(({ type, to }) => type === 'auxl' && to.includes(primary));
  return auxiliaries.slice(0, MAX_AUXILIARIES).find(({ from }) => isAlpha(file, items, from))?.from;
}

/** What is to be mended of an alpha channel (ISO/IEC 23008-12, 6.4.5 and 7.5.2). */
function alphaMend(file: Buffer, items: Items): Mend | undefined {
  const { primary, references } = items;
  const alpha = alphaOf(file, items);
  if (alpha === undefined) return undefined;
  const premultiplied = references.some(
    ({ type, from, to }) => type === 'prem' && from === primary && to.includes(alpha),
  );
  const nclx = propertiesOf(items, alpha)
    .map((box) => nclxOf(file, box))
    .find((found) => found !== undefined);
  const limitedAlpha = (nclx ?? streamColours(file, items, alpha))?.fullRange === false;
  return premultiplied || limitedAlpha ? { premultiplied, limitedAlpha } : undefined;
}

/** ISO/IEC 23008-12, 6.5.9 and 6.5.10, and 14496-12, 12.1.4. */
const TRANSFORMS = new Set(['irot', 'imir', 'clap']);

/**
 * The same file, whose alpha is turned as its picture is. Encoders up to libavif 1.3 said so of the picture alone, and mean both.
 * Undefined where nothing is missing.
 */
function withTurnedAlpha(file: Buffer, items: Items): Buffer | undefined {
  const transformsOf = (item: number) =>
    (items.associations.get(item)?.properties ?? []).filter((index) =>
      TRANSFORMS.has(items.properties[index]?.type ?? ''),
    );
  const own = transformsOf(items.primary);
  const alpha = own.length > 0 ? alphaOf(file, items) : undefined;
  if (alpha === undefined || transformsOf(alpha).length > 0) return undefined;
  return withProperties(file, items, { item: alpha, properties: own, essential: true });
}

function isAlpha(file: Buffer, items: Items, item: number): boolean {
  return propertiesOf(items, item).some(
    ({ type, body, end }) => type === 'auxC' && ALPHA.test(file.toString('latin1', body + 4, Math.min(end, body + 64))),
  );
}
