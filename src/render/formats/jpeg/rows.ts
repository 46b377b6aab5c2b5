import { setImmediate as nextTurn } from 'node:timers/promises';
import { blockReader, type ComponentState } from './blocks.ts';
import { EntropyReader, type HuffmanTable, readHuffmanTables } from './entropy.ts';
import { type JpegComponent, type JpegFrame, type JpegScan, jpegSegments } from './structure.ts';

/** Blocks that are read before the event loop has its turn: 2 or 3 ms. */
const BLOCKS_A_TURN = 5000;

/**
 * Whether the last blocks of each scan are there, and all rows with them. Where they are not, libjpeg warns of a "premature
 * end of data segment" and leaves the rest grey. Reads as libjpeg does (a bad code is a zero, a lost restart an interval
 * without bits) but keeps no pixels; for files that a decoder has warned of. True where it cannot tell.
 */
export async function hasLastRows(jpeg: Buffer): Promise<boolean> {
  const tables = new Map<number, HuffmanTable>();
  let picture: { frame: JpegFrame; nonZero: Uint32Array[] } | undefined;
  let interval = 0;
  try {
    for (const segment of jpegSegments(jpeg)) {
      if (segment.kind === 'frame') picture = { frame: segment.frame, nonZero: marksOf(segment.frame) };
      else if (segment.kind === 'huffman') readHuffmanTables(segment.data, tables);
      else if (segment.kind === 'restart interval') interval = segment.mcus;
      else if (picture) {
        const { frame, nonZero } = picture;
        const { scan } = segment;
        const states = scan.components.map(({ index, dc, ac }) => ({
          ...{ dc: tables.get(dc), ac: tables.get(16 + ac), nonZero: nonZero[index] ?? new Uint32Array() },
        }));
        if (!(await endsWhole(new EntropyReader(jpeg, scan.data), frame, scan, states, interval))) return false;
        // libjpeg reads no second scan of a sequential picture whose first one holds all components.
        if (!frame.progressive && scan.components.length === frame.components.length) return true;
      }
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return true;
}

async function endsWhole(
  reader: EntropyReader,
  frame: JpegFrame,
  scan: JpegScan,
  states: readonly ComponentState[],
  interval: number,
): Promise<boolean> {
  const { across, down, blocks } = unitsOf(frame, scan);
  const perTurn = Math.max(1, Math.floor(BLOCKS_A_TURN / blocks.length));
  let read = blockReader(reader, frame.progressive, scan);
  for (let unit = 0; unit < across * down; unit += 1) {
    if (unit % perTurn === perTurn - 1) await nextTurn();
    if (interval > 0 && unit > 0 && unit % interval === 0) {
      reader.restart((unit / interval - 1) & 7);
      // A run of empty blocks ends at a restart.
      read = blockReader(reader, frame.progressive, scan);
    }
    if (reader.ended) {
      if (interval === 0) return false;
      continue;
    }
    const [x, y] = [unit % across, Math.floor(unit / across)];
    for (const { slot, stride, left, top, stepX, stepY } of blocks)
      read(states[slot]!, (y * stepY + top) * stride + x * stepX + left);
  }
  return !reader.ended;
}

/** A block of an MCU: where it lies in its component, whose rows are `stride` blocks long. */
interface UnitBlock {
  readonly slot: number;
  readonly stride: number;
  readonly left: number;
  readonly top: number;
  readonly stepX: number;
  readonly stepY: number;
}

/** The MCUs of a scan (ITU-T T.81, A.2): a scan of one component has no padding and one block in each. */
function unitsOf(frame: JpegFrame, scan: JpegScan): { across: number; down: number; blocks: UnitBlock[] } {
  const { mostAcross, mostDown, mcusAcross, mcusDown } = gridOf(frame);
  const parts = scan.components.map(({ index }) => frame.components[index] as JpegComponent);
  const [only] = parts;
  if (only && parts.length === 1) {
    const block = { slot: 0, stride: mcusAcross * only.across, left: 0, top: 0, stepX: 1, stepY: 1 };
    const across = Math.ceil(Math.ceil((frame.width * only.across) / mostAcross) / 8);
    const down = Math.ceil(Math.ceil((frame.height * only.down) / mostDown) / 8);
    return { across, down, blocks: [block] };
  }
  const blocks = parts.flatMap(({ across, down }, slot) =>
    Array.from({ length: across * down }, (_, n) => ({
      ...{ slot, stride: mcusAcross * across, left: n % across, top: Math.floor(n / across) },
      ...{ stepX: across, stepY: down },
    })),
  );
  return { across: mcusAcross, down: mcusDown, blocks };
}

function gridOf({ width, height, components }: JpegFrame) {
  const mostAcross = Math.max(...components.map(({ across }) => across));
  const mostDown = Math.max(...components.map(({ down }) => down));
  return {
    ...{ mostAcross, mostDown },
    mcusAcross: Math.ceil(width / (8 * mostAcross)),
    mcusDown: Math.ceil(height / (8 * mostDown)),
  };
}

function marksOf(frame: JpegFrame): Uint32Array[] {
  if (!frame.progressive) return [];
  const { mcusAcross, mcusDown } = gridOf(frame);
  return frame.components.map(({ across, down }) => new Uint32Array(2 * mcusAcross * across * mcusDown * down));
}
