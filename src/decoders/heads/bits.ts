import { DecodeError } from '../decoder.ts';

/** Bits from the lowest of each byte on, as JPEG XL writes them (ISO/IEC 18181-1). Throws a `DecodeError` behind the last one. */
export interface Bits {
  /** An unsigned number of up to 32 bits. */
  read(count: number): number;
  flag(): boolean;
  /** `U32`: two bits choose one of four; each is an offset and a number of bits that are added to it. */
  chosen(...ways: readonly (readonly [offset: number, bits: number])[]): number;
  skip(count: number): void;
}

export function bitsOf(bytes: Uint8Array): Bits {
  let at = 0;
  function read(count: number): number {
    let value = 0;
    for (let bit = 0; bit < count; bit += 1, at += 1) {
      const byte = bytes[at >> 3];
      if (byte === undefined) throw new DecodeError('broken', 'the header ends before its size');
      if ((byte >> (at & 7)) & 1) value += 2 ** bit;
    }
    return value;
  }
  return {
    read,
    flag: () => read(1) === 1,
    chosen(...ways) {
      const [offset, bits] = ways[read(2)] ?? [0, 0];
      return offset + read(bits);
    },
    skip(count) {
      at += count;
    },
  };
}
