import { type DecodedHead, DecodeError, type OpenRows, type Wanted } from '../decoder.ts';
import { inkToRgb } from '../ink.ts';
import { labToSrgb } from '../planes/lab.ts';
import { shrinkTo } from '../shrink.ts';
import { COLOURS, type PsdHead, readPsdHead } from './psd-head.ts';
import { planesOf } from './psd-planes.ts';

/**
 * PSD and PSB: the merged picture that programs save beside the layers. A band of rows at a time, of all channels, each
 * averaged on the way.
 */
export function decode(file: Uint8Array, wanted: Wanted, open: OpenRows): void {
  const head = readPsdHead(file);
  const { width, height, mode, hasAlpha, icc } = head;
  if (width * height > wanted.maxPixels) throw new DecodeError('too_large', `${width} × ${height} pixels are too many`);
  const planes = planesOf(file, head);
  const { k, size } = shrinkTo({ width, height }, wanted.side);
  const colours = COLOURS[mode];
  const read = colours + (hasAlpha ? 1 : 0);
  const ink = mode === 'cmyk' && icc !== undefined && !hasAlpha;
  const shown = shape(head, ink);
  const rows = open({ ...size, ...shown, orientation: 1, icc: mode === 'cmyk' && !ink ? undefined : icc });
  const sums = Array.from({ length: mode === 'indexed' ? 3 : read }, () => new Uint32Array(size.width));
  const toByte = bytesOf(head);
  for (let y = 0; y < size.height; y += 1) {
    for (const sum of sums) sum.fill(0);
    const tall = Math.min(k, height - y * k);
    for (let channel = 0; channel < read; channel += 1)
      for (let row = y * k; row < y * k + tall; row += 1) {
        const values = planes.row(channel, row);
        if (head.palette) addEntries(sums, values, head.palette, width, k);
        else addTo(sums[channel]!, values, toByte, width, k);
      }
    writeRow({ sums, rows, y, tall, k, head, ink, channels: shown.channels, width: size.width });
  }
  if (!head.merged && isUniform(rows, shown.channels))
    throw new DecodeError('unsupported', 'a PSD without its merged picture: save it with maximum compatibility');
}

function shape({ mode, hasAlpha }: PsdHead, ink: boolean): Pick<DecodedHead, 'channels' | 'ink'> {
  if (ink) return { channels: 4, ink };
  if (hasAlpha) return { channels: 4 };
  return { channels: COLOURS[mode] === 1 && mode !== 'indexed' ? 1 : 3 };
}

/** The value of pixel `x` of a row, 0 to 255. */
type ToByte = (row: Uint8Array, x: number) => number;

function bytesOf({ depth, mode }: PsdHead): ToByte {
  // Black is 1.
  if (mode === 'bitmap') return (row, x) => ((row[x >> 3]! >> (7 - (x & 7))) & 1 ? 0 : 255);
  if (depth === 8) return (row, x) => row[x]!;
  if (depth === 16) return (row, x) => Math.round((row[2 * x]! * 256 + row[2 * x + 1]!) / 257);
  return (row, x) => encoded(new DataView(row.buffer, row.byteOffset + 4 * x, 4).getFloat32(0));
}

/** Floating-point pictures hold light; sRGB's curve by IEC 61966-2-1. */
function encoded(light: number): number {
  const value = light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055;
  return Number.isFinite(value) ? Math.round(255 * Math.min(1, Math.max(0, value))) : 0;
}

function addTo(sum: Uint32Array, row: Uint8Array, toByte: ToByte, width: number, k: number): void {
  for (let x = 0, to = 0, left = k; x < width; x += 1) {
    sum[to]! += toByte(row, x);
    left -= 1;
    if (left === 0) [to, left] = [to + 1, k];
  }
}

function addEntries(
  sums: readonly Uint32Array[],
  row: Uint8Array,
  palette: Uint8Array,
  width: number,
  k: number,
): void {
  for (let x = 0; x < width; x += 1)
    for (let channel = 0; channel < 3; channel += 1)
      sums[channel]![Math.floor(x / k)]! += palette[256 * channel + row[x]!]!;
}

interface Row {
  readonly sums: readonly Uint32Array[];
  readonly rows: Uint8Array;
  readonly y: number;
  readonly tall: number;
  readonly k: number;
  readonly head: PsdHead;
  readonly ink: boolean;
  readonly channels: number;
  readonly width: number;
}

function writeRow({ sums, rows, y, tall, k, head, ink, channels, width }: Row): void {
  const { mode, hasAlpha } = head;
  const values = new Float64Array(5);
  const start = y * width * channels;
  let to = start;
  for (let x = 0; x < width; x += 1, to += channels) {
    const count = tall * Math.min(k, head.width - x * k);
    for (let channel = 0; channel < sums.length; channel += 1) values[channel] = sums[channel]![x]! / count;
    const alpha = hasAlpha ? values[COLOURS[mode]]! : 255;
    if (mode === 'cmyk') {
      // Photoshop stores how much light is left.
      if (ink) for (let n = 0; n < 4; n += 1) rows[to + n] = 255.5 - values[n]!;
      else inkToRgb(values, rows, to);
    } else for (let n = 0; n < Math.min(3, channels); n += 1) rows[to + n] = values[sums.length < 3 ? 0 : n]! + 0.5;
    if (!hasAlpha) continue;
    rows[to + 3] = alpha + 0.5;
    // The merged picture stands on white.
    for (let n = 0; alpha > 0 && n < 3; n += 1) {
      const white = mode === 'lab' && n > 0 ? NEUTRAL : 255;
      rows[to + n] = clamped(((rows[to + n]! - white) * 255) / alpha + white);
    }
  }
  if (mode === 'lab') fromLab(rows.subarray(start, to), channels);
}

/** Of a* and b* in a PSD: neither red nor green, neither yellow nor blue. */
const NEUTRAL = 128;

function fromLab(row: Uint8Array, channels: number): void {
  for (let at = 0; at < row.length; at += channels) for (const n of [1, 2]) row[at + n] = row[at + n]! - NEUTRAL;
  labToSrgb(row, channels);
}

function clamped(value: number): number {
  return Math.min(255, Math.max(0, value)) + 0.5;
}

function isUniform(rows: Uint8Array, channels: number): boolean {
  return rows.every((value, at) => value === rows[at % channels]);
}
