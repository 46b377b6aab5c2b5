import { DecodeError, type FileHeader } from '../decoder.ts';

/** The header of a PSD or PSB: https://www.adobe.com/devnet-apps/photoshop/fileformatashtml/ */
export interface PsdHead {
  readonly width: number;
  readonly height: number;
  readonly depth: 1 | 8 | 16 | 32;
  readonly mode: keyof typeof COLOURS;
  /** In the file; of those the first `COLOURS[mode]` are colours. */
  readonly channels: number;
  /** The first channel behind the colours is the alpha of the merged picture, not a selection that was saved. */
  readonly hasAlpha: boolean;
  /** Version 2, whose sizes and counts are wider: PSB. */
  readonly large: boolean;
  readonly icc: Uint8Array | undefined;
  /** Of an indexed picture: 256 reds, 256 greens, 256 blues. */
  readonly palette: Uint8Array | undefined;
  /** False where the writer says that it left out the merged picture: then it is white, or what the writer could do. */
  readonly merged: boolean;
  /** Where the merged picture begins: two bytes of compression, then its data. */
  readonly mergedAt: number;
}

/** Channels of colour of each mode that is read. */
export const COLOURS = { bitmap: 1, grey: 1, indexed: 1, rgb: 3, cmyk: 4, duotone: 1, lab: 3 } as const;
const MODES: Readonly<Record<number, PsdHead['mode']>> = {
  ...{ 0: 'bitmap', 1: 'grey', 2: 'indexed', 3: 'rgb', 4: 'cmyk', 8: 'duotone', 9: 'lab' },
};

const OTHER_MODES: Readonly<Record<number, string>> = { 7: 'multichannel' };

const HEADER_BYTES = 26;
const MAX_CHANNELS = 56;
/** Image resources. */
const ICC_PROFILE = 1039;
/** Version info, whose fifth byte says whether there is a merged picture. */
const VERSION_INFO = 1057;
const MAX_RESOURCES = 4096;
const MAX_PROFILE_BYTES = 4 * 1024 * 1024;
const PALETTE_BYTES = 768;

/** Throws a `DecodeError`. */
export function readPsdHead(file: Uint8Array): PsdHead {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < HEADER_BYTES + 12) throw new DecodeError('broken', 'the PSD ends before its header');
  const [version, channels, height, width] = [
    view.getUint16(4),
    view.getUint16(12),
    view.getUint32(14),
    view.getUint32(18),
  ];
  const [depth, number] = [view.getUint16(22), view.getUint16(24)];
  if (version !== 1 && version !== 2) throw new DecodeError('unsupported', `a PSD of version ${version}`);
  const mode = MODES[number];
  if (!mode) throw new DecodeError('unsupported', `a PSD in ${OTHER_MODES[number] ?? 'an unknown'} colour mode`);
  if (!isDepth(depth) || (depth === 1) !== (mode === 'bitmap'))
    throw new DecodeError('broken', `a PSD of ${depth} bits`);
  if (width === 0 || height === 0 || channels < COLOURS[mode] || channels > MAX_CHANNELS)
    throw new DecodeError('broken', `no PSD has ${width} × ${height} pixels of ${channels} channels`);
  const large = version === 2;
  const coloursAt = HEADER_BYTES + 4;
  const resourcesAt = coloursAt + view.getUint32(HEADER_BYTES);
  const layersAt = end(resourcesAt);
  const layersEnd = layersAt + (large ? 8 : 4) + lengthAt(layersAt);
  const { icc, merged } = readResources(file, resourcesAt + 4, layersAt);
  if (layersEnd + 2 > file.length) throw new DecodeError('broken', 'the PSD ends before its merged picture');
  return {
    ...{ width, height, depth, mode, channels, large, merged, mergedAt: layersEnd },
    // Floating-point values are light, and CIELab needs no profile: both become sRGB on the way.
    icc: depth === 32 || mode === 'lab' ? undefined : icc,
    palette: mode === 'indexed' ? paletteAt(file, coloursAt) : undefined,
    hasAlpha: channels > COLOURS[mode] && mergesAlpha(),
  };

  function end(at: number): number {
    if (at + 4 > file.length) throw new DecodeError('broken', 'the PSD ends before its merged picture');
    return at + 4 + view.getUint32(at);
  }
  function lengthAt(at: number): number {
    if (at + 8 > file.length) throw new DecodeError('broken', 'the PSD ends before its merged picture');
    return large ? Number(view.getBigUint64(at)) : view.getUint32(at);
  }
  /** A negative number of layers says so. */
  function mergesAlpha(): boolean {
    const layerInfoAt = layersAt + (large ? 8 : 4);
    const countAt = layerInfoAt + (large ? 8 : 4);
    if (layersEnd < countAt + 2 || countAt + 2 > file.length) return false;
    const bytes = large ? Number(view.getBigUint64(layerInfoAt)) : view.getUint32(layerInfoAt);
    // Pictures of 16 and 32 bits keep their layers further behind, and have alpha there as a rule.
    return bytes >= 2 ? view.getInt16(countAt) < 0 : depth > 8 && layersEnd > countAt + 2;
  }
}

export function psdHeader(file: Buffer): FileHeader {
  const { width, height, hasAlpha, icc, mode } = readPsdHead(file);
  return { width, height, hasAlpha, hasProfile: icc !== undefined && !(mode === 'cmyk' && hasAlpha) };
}

/** Blocks of `8BIM`, a number, a padded name and padded data. What is damaged ends the list. */
function readResources(file: Uint8Array, from: number, end: number) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const found: { icc: Uint8Array | undefined; merged: boolean } = { icc: undefined, merged: true };
  let at = from;
  for (let n = 0; n < MAX_RESOURCES && at + 12 <= Math.min(end, file.length); n += 1) {
    const id = view.getUint16(at + 4);
    const nameBytes = 1 + view.getUint8(at + 6);
    const sizeAt = at + 6 + nameBytes + (nameBytes % 2);
    if (sizeAt + 4 > file.length) break;
    const bytes = view.getUint32(sizeAt);
    const data = file.subarray(sizeAt + 4, sizeAt + 4 + bytes);
    if (data.length < bytes) break;
    if (id === ICC_PROFILE && bytes > 0 && bytes <= MAX_PROFILE_BYTES) found.icc = data;
    if (id === VERSION_INFO && bytes >= 5) found.merged = data[4] !== 0;
    at = sizeAt + 4 + bytes + (bytes % 2);
  }
  return found;
}

function paletteAt(file: Uint8Array, at: number): Uint8Array {
  const palette = new Uint8Array(PALETTE_BYTES);
  palette.set(file.subarray(at, at + PALETTE_BYTES));
  return palette;
}

function isDepth(depth: number): depth is PsdHead['depth'] {
  return [1, 8, 16, 32].includes(depth);
}
