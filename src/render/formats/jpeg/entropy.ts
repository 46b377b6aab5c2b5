const RESTART = 0xd0;

/** A Huffman table: for each 16 bits the length of the code that they begin with, times 256, and its symbol; 0 for none. */
export type HuffmanTable = Uint16Array;

/** Reads a DHT segment (ITU-T T.81, B.2.4.2) into `tables`: those of DC under their number, those of AC under 16 more. */
export function readHuffmanTables(segment: Buffer, tables: Map<number, HuffmanTable>): void {
  for (let at = 0; at + 17 <= segment.length; ) {
    const table = new Uint16Array(65_536);
    let [code, symbols] = [0, at + 17];
    for (let length = 1; length <= 16; length += 1) {
      for (let n = segment.readUInt8(at + length); n > 0; n -= 1) {
        const step = 1 << (16 - length);
        table.fill((length << 8) | segment.readUInt8(symbols), code, code + step);
        code += step;
        symbols += 1;
      }
    }
    tables.set(segment.readUInt8(at), table);
    at = symbols;
  }
}

/** Bits of one scan, up to the next marker, with the state that libjpeg keeps. */
export class EntropyReader {
  readonly #file: Buffer;
  #at: number;
  #bits = 0;
  #held = 0;
  #atMarker = false;
  /** More bits were asked for than there are before the next marker. */
  ended = false;

  constructor(file: Buffer, at: number) {
    this.#file = file;
    this.#at = at;
  }

  /** At least 25 bits, where there are as many. */
  #fill(): void {
    while (this.#held <= 24 && !this.#atMarker) {
      const byte = this.#file[this.#at];
      if (byte === 0xff) {
        let next = this.#at + 1;
        while (this.#file[next] === 0xff) next += 1;
        if (this.#file[next] !== 0) {
          this.#at = next - 1;
          this.#atMarker = true;
          return;
        }
        this.#at = next + 1;
      } else if (byte === undefined) {
        this.#atMarker = true;
        return;
      } else this.#at += 1;
      this.#bits = (this.#bits << 8) | byte;
      this.#held += 8;
    }
  }

  /** The next `count` bits, of 16 at most. */
  take(count: number): number {
    if (this.#held < count) this.#fill();
    this.skip(count);
    return this.ended ? 0 : (this.#bits >>> this.#held) & ((1 << count) - 1);
  }

  skip(count: number): void {
    if (this.#held < count) this.#fill();
    this.#held -= count;
    if (this.#held >= 0) return;
    this.#held = 0;
    this.ended = true;
  }

  symbol(table: HuffmanTable): number {
    if (this.#held < 16) this.#fill();
    const held = this.#held;
    const next = (held >= 16 ? this.#bits >>> (held - 16) : this.#bits << (16 - held)) & 0xffff;
    const found = table[next]!;
    // libjpeg takes a bad code for a zero, having read one bit more than the longest code has.
    this.skip(found === 0 ? 17 : found >> 8);
    return this.ended ? 0 : found & 0xff;
  }

  /** Goes to the restart marker of that number as libjpeg does (jdmarker.c, `jpeg_resync_to_restart`). */
  restart(expected: number): void {
    this.#held = 0;
    for (;;) {
      this.#at = this.#markerFrom(this.#at);
      this.#atMarker = true;
      const ahead = (this.#file[this.#at + 1] ?? 0) - RESTART;
      if (ahead < 0 || ahead > 7) return;
      const distance = (ahead - expected) & 7;
      // The marker of a later interval: this one is lost, and its bits with it.
      if (distance === 1 || distance === 2) return;
      this.#at += 2;
      if (distance < 6) break;
    }
    this.#atMarker = false;
    this.ended = false;
  }

  #markerFrom(start: number): number {
    for (let at = start; ; at += 1) {
      at = this.#file.indexOf(0xff, at);
      if (at < 0) return this.#file.length;
      const next = this.#file[at + 1];
      if (next !== 0 && next !== 0xff) return at;
    }
  }
}
