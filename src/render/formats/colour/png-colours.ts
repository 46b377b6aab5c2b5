import { type Cicp, cicpColours, colours, type PixelColours } from './cicp-profile.ts';
import { isColourProfile } from './icc-profile.ts';
import { chunksBeforePixels, inflatedHead, isIntact, type PngChunk, withPngProfile } from './png-chunks.ts';
import { BT_709, type Chromaticities, primariesOf } from './primaries.ts';
import type { Told } from './told.ts';
import { isHdr, transferOf } from './transfer.ts';

/** sharp converts no profile of deep pictures in grey, so they are read as red, green and blue. */
const DEEP_BITS = 16;

/**
 * What a PNG says of its colours, by the order of precedence of its third edition (W3C, 4.3): `cICP`, `iCCP`, `sRGB`, then `gAMA`
 * and `cHRM`. Undefined where libvips reads it rightly as it is.
 */
export function pngColours(png: Buffer): Told | undefined {
  const found = new Map<string, PngChunk>();
  let header: PngChunk | undefined;
  for (const chunk of chunksBeforePixels(png)) {
    if (chunk.type === 'IHDR') header ??= chunk;
    else if (READ.has(chunk.type) && !found.has(chunk.type) && isIntact(png, chunk)) found.set(chunk.type, chunk);
  }
  if (!header || header.data.length < 13 || found.size === 0) return undefined;
  const [bits, type] = [header.data.readUInt8(8), header.data.readUInt8(9)];
  const cicp = cicpOf(found);
  if (!cicp && (hasProfile(found) || found.has('sRGB'))) return undefined;
  const inGrey = (type & COLOUR) === 0;
  const asRgb = inGrey && (bits === DEEP_BITS || isSteep(found, cicp));
  const channels = inGrey && !asRgb ? 1 : 3;
  const told = cicp ? cicpColours(cicp, channels) : gammaColours(found, channels);
  if (!told) return cicp && { body: withPngProfile(png, undefined) };
  if (asRgb) return { body: withPngProfile(png, undefined), narrow: true, mend: { profile: told.profile } };
  const ownPixels = !cicp && !inGrey && bits < DEEP_BITS && isNearlySrgb(found);
  return { body: withPngProfile(png, told.profile), narrow: !told.wide, ownPixels };
}

/** Of the colour type in `IHDR`. */
const COLOUR = 2;

/** Of colours at all: a broken one counts for nothing, and then `sRGB` or `gAMA` do. */
function hasProfile(found: ReadonlyMap<string, PngChunk>): boolean {
  const data = found.get('iCCP')?.data;
  // Without anything after it in the order, libvips alone judges it.
  return data !== undefined && (!found.has('gAMA') || isColourProfile(inflatedHead(data)));
}

const READ = new Set(['cICP', 'iCCP', 'sRGB', 'gAMA', 'cHRM', 'cLLI', 'mDCV']);

/** W3C PNG, 11.3.2.6; undefined where a chunk is not there or says what no browser knows, so that the next one counts. */
function cicpOf(found: ReadonlyMap<string, PngChunk>): Cicp | undefined {
  const data = found.get('cICP')?.data;
  if (data?.length !== 4) return undefined;
  const [primaries, transfer, matrix, range] = [...data] as [number, number, number, number];
  const known = primariesOf(primaries) && (isHdr(transfer) || (transfer !== UNSPECIFIED && transferOf(transfer)));
  if (!known || matrix !== 0 || range > 1) return undefined;
  return { primaries, transfer, fullRange: range === 1, peakNits: peakOf(found), cameras: 'BT.1886' };
}

const UNSPECIFIED = 2;
/** Of `cLLI` and `mDCV`, in nits: W3C PNG, 11.3.2.7 and 11.3.2.8. */
const NITS = 0.0001;
const MASTERING = { bytes: 24, brightest: 16 };

function peakOf(found: ReadonlyMap<string, PngChunk>): number | undefined {
  const [light, display] = [found.get('cLLI')?.data, found.get('mDCV')?.data];
  const brightest = light?.length === 8 ? light.readUInt32BE(0) * NITS : 0;
  const mastering = display?.length === MASTERING.bytes ? display.readUInt32BE(MASTERING.brightest) * NITS : 0;
  return brightest || mastering || undefined;
}

/** Of `gAMA` and `cHRM`. */
const UNITS = 100_000;
/** What sRGB's gamma comes near to, and by which factor a gamma without primaries may miss it and means sRGB: as in Chromium. */
const SRGB_GAMMA = 1 / 2.2;
const NEAR_SRGB = 0.05;
/** W3C PNG gives sRGB's as 0.3127, 0.329 and so on; programs round. */
const SAME_PRIMARIES = 0.001;
/** From here on colour engines interpolate grey too coarsely near black: 10 levels off where numbers are light itself. */
const STEEP_GAMMA = 0.7;
const LINEAR = 8;

/** W3C PNG, 11.3.2.1 and 11.3.2.2. Primaries without a gamma say nothing; a gamma without primaries has those of sRGB. */
function gammaColours(found: ReadonlyMap<string, PngChunk>, channels: 1 | 3): PixelColours | undefined {
  const [gamma, told] = [gammaOf(found), chromaticitiesOf(found)];
  if (gamma === 0 || (!told && isNearSrgb(gamma))) return undefined;
  const primaries = told ?? BT_709;
  return colours({ name: `gamma ${gamma}`, primaries, curve: (value) => value ** (1 / gamma), channels });
}

const isNearSrgb = (gamma: number) => Math.abs(gamma / SRGB_GAMMA - 1) <= NEAR_SRGB;

function gammaOf(found: ReadonlyMap<string, PngChunk>): number {
  const data = found.get('gAMA')?.data;
  return data?.length === 4 ? data.readUInt32BE(0) / UNITS : 0;
}

function chromaticitiesOf(found: ReadonlyMap<string, PngChunk>): Chromaticities | undefined {
  const data = found.get('cHRM')?.data;
  if (data?.length !== 32) return undefined;
  const at = (index: number) => data.readUInt32BE(index * 4) / UNITS;
  // White comes first there.
  return [at(2), at(3), at(4), at(5), at(6), at(7), at(0), at(1)];
}

const isSteep = (found: ReadonlyMap<string, PngChunk>, cicp: Cicp | undefined) =>
  cicp ? cicp.transfer === LINEAR : gammaOf(found) > STEEP_GAMMA;

/** So near that the file may be shown by a program that knows neither chunk. */
function isNearlySrgb(found: ReadonlyMap<string, PngChunk>): boolean {
  const primaries = chromaticitiesOf(found) ?? BT_709;
  return (
    isNearSrgb(gammaOf(found)) && primaries.every((value, n) => Math.abs(value - (BT_709[n] ?? 0)) <= SAME_PRIMARIES)
  );
}
