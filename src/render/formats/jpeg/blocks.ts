import type { EntropyReader, HuffmanTable } from './entropy.ts';
import type { JpegScan } from './structure.ts';

/** What one component of a scan is read with. */
export interface ComponentState {
  readonly dc: HuffmanTable | undefined;
  readonly ac: HuffmanTable | undefined;
  /** Two words a block: which of its 64 coefficients are not zero so far. Only pictures in passes need it. */
  readonly nonZero: Uint32Array;
}

/** Reads a block of 8 × 8 coefficients and drops them. `block`: its number in `nonZero`. */
export type BlockReader = (state: ComponentState, block: number) => void;

/** The decoding procedure of a scan (ITU-T T.81, F.2 and G.2); libjpeg's jdhuff.c and jdphuff.c. */
export function blockReader(reader: EntropyReader, progressive: boolean, scan: JpegScan): BlockReader {
  if (!progressive) return sequential(reader);
  if (scan.from === 0) {
    return scan.before === 0 ? ({ dc }) => reader.skip(dc ? reader.symbol(dc) : 0) : () => reader.skip(1);
  }
  return scan.before === 0 ? firstPass(reader, scan) : laterPass(reader, scan);
}

function sequential(reader: EntropyReader): BlockReader {
  return ({ dc, ac }) => {
    if (!dc || !ac) return;
    reader.skip(reader.symbol(dc));
    for (let k = 1; k < 64 && !reader.ended; k += 1) {
      const code = reader.symbol(ac);
      if (code === 0) return;
      k += code >> 4;
      if ((code & 15) !== 0) reader.skip(code & 15);
      else if (code !== 0xf0) return;
    }
  };
}

function firstPass(reader: EntropyReader, { from, to }: JpegScan): BlockReader {
  let emptyBlocks = 0;
  return ({ ac, nonZero }, block) => {
    if (!ac) return;
    if (emptyBlocks > 0) {
      emptyBlocks -= 1;
      return;
    }
    for (let k = from; k <= to && !reader.ended; k += 1) {
      const code = reader.symbol(ac);
      const [run, size] = [code >> 4, code & 15];
      if (size === 0 && run !== 15) {
        emptyBlocks = (1 << run) + reader.take(run) - 1;
        return;
      }
      k += run;
      if (size === 0) continue;
      reader.skip(size);
      mark(nonZero, block, k);
    }
  };
}

/** One more bit of each coefficient that is not zero yet stands between the codes of those that become so. */
function laterPass(reader: EntropyReader, { from, to }: JpegScan): BlockReader {
  let emptyBlocks = 0;
  return ({ ac, nonZero }, block) => {
    if (!ac) return;
    let k = from;
    for (; k <= to && emptyBlocks === 0 && !reader.ended; k += 1) {
      const code = reader.symbol(ac);
      const size = code & 15;
      let run = code >> 4;
      if (size !== 0) reader.skip(1);
      else if (run !== 15) {
        emptyBlocks = (1 << run) + reader.take(run);
        break;
      }
      for (; k <= to; k += 1) {
        if (isMarked(nonZero, block, k)) reader.skip(1);
        else {
          run -= 1;
          if (run < 0) break;
        }
      }
      if (size !== 0 && k <= to) mark(nonZero, block, k);
    }
    if (emptyBlocks === 0) return;
    for (; k <= to; k += 1) if (isMarked(nonZero, block, k)) reader.skip(1);
    emptyBlocks -= 1;
  };
}

function mark(nonZero: Uint32Array, block: number, k: number): void {
  const word = 2 * block + (k >> 5);
  if (k < 64 && word < nonZero.length) nonZero[word] = nonZero[word]! | (1 << (k & 31));
}

function isMarked(nonZero: Uint32Array, block: number, k: number): boolean {
  return ((nonZero[2 * block + (k >> 5)]! >>> (k & 31)) & 1) === 1;
}
