/** JPEGs of random coefficients, written by hand: with restart markers, in one scan or in one a component. */

interface Shape {
  readonly width: number;
  readonly height: number;
  /** Sampling factors of each component. */
  readonly sampling: readonly (readonly [across: number, down: number])[];
  /** MCUs between restart markers; 0 for none. */
  readonly restarts: number;
  readonly interleaved: boolean;
}

/** Factors of luma and of both colours: 4:4:4, 4:2:2, 4:4:0 and 4:2:0. */
export const SAMPLINGS: readonly Shape['sampling'][] = (
  [
    [1, 1],
    [2, 1],
    [1, 2],
    [2, 2],
  ] as const
).map((luma) => [luma, [1, 1], [1, 1]]);

const segment = (marker: number, ...payload: number[]) =>
  Buffer.from([0xff, marker, (payload.length + 2) >> 8, (payload.length + 2) & 255, ...payload]);
const word = (value: number) => [value >> 8, value & 255];
/** Codes of four bits for the sizes of DC, and of eight for those of AC: run and size together are the code. */
const DC = segment(0xc4, 0x00, 0, 0, 0, 12, ...Array(12).fill(0), ...Array.from({ length: 12 }, (_, n) => n));
const AC_SYMBOLS = [0, 0xf0, ...Array.from({ length: 16 * 6 }, (_, n) => ((n / 6) << 4) | ((n % 6) + 1))];
const AC = segment(0xc4, 0x10, ...Array(7).fill(0), AC_SYMBOLS.length, ...Array(8).fill(0), ...AC_SYMBOLS);

/** `random`: 0 to 1, without 1. */
export function randomJpeg({ width, height, sampling, restarts, interleaved }: Shape, random: () => number): Buffer {
  const [most, mostDown] = [0, 1].map((n) => Math.max(...sampling.map((factors) => factors[n]!))) as [number, number];
  const frame = sampling.flatMap(([across, down], n) => [n + 1, (across << 4) | down, 0]);
  const parts: Buffer[] = [
    Buffer.from([0xff, 0xd8]),
    segment(0xdb, 0, ...Array(64).fill(2)),
    segment(0xc0, 8, ...word(height), ...word(width), sampling.length, ...frame),
    ...[DC, AC, segment(0xdd, ...word(restarts))],
  ];
  const scans = interleaved ? [sampling.map((_, n) => n)] : sampling.map((_, n) => [n]);
  for (const scan of scans) {
    parts.push(segment(0xda, scan.length, ...scan.flatMap((n) => [n + 1, 0]), 0, 63, 0));
    const alone = scan.length === 1 ? sampling[scan[0]!] : undefined;
    const across = alone ? Math.ceil(Math.ceil((width * alone[0]) / most) / 8) : Math.ceil(width / 8 / most);
    const down = alone ? Math.ceil(Math.ceil((height * alone[1]) / mostDown) / 8) : Math.ceil(height / 8 / mostDown);
    const blocks = alone ? 1 : scan.reduce((sum, n) => sum + sampling[n]![0] * sampling[n]![1], 0);
    let bits = '';
    for (let mcu = 0; mcu < across * down; mcu += 1) {
      if (restarts > 0 && mcu > 0 && mcu % restarts === 0) {
        parts.push(stuffed(bits), Buffer.from([0xff, 0xd0 + ((mcu / restarts - 1) & 7)]));
        bits = '';
      }
      for (let n = 0; n < blocks; n += 1) bits += randomBlock(random);
    }
    parts.push(stuffed(bits));
  }
  return Buffer.concat([...parts, Buffer.from([0xff, 0xd9])]);
}

function randomBlock(random: () => number): string {
  const upTo = (count: number) => Math.floor(random() * count);
  const size = 1 + upTo(5);
  let bits = binary(size, 4) + binary(upTo(2 ** size), size);
  for (let k = 1 + upTo(8); k < 60; k += 1 + upTo(20)) {
    const [run, length] = [0, 1 + upTo(4)];
    bits += binary(AC_SYMBOLS.indexOf((run << 4) | length), 8) + binary(upTo(2 ** length), length);
  }
  return bits + binary(0, 8);
}

const binary = (value: number, length: number) => value.toString(2).padStart(length, '0');

/** ITU-T T.81, F.1.2.3: filled with ones, and a zero byte behind each 0xFF. */
function stuffed(bits: string): Buffer {
  const bytes: number[] = [];
  for (let at = 0; at < bits.length; at += 8) {
    const byte = Number.parseInt(bits.slice(at, at + 8).padEnd(8, '1'), 2);
    bytes.push(byte);
    if (byte === 0xff) bytes.push(0);
  }
  return Buffer.from(bytes);
}
