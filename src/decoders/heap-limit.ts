const SECTION = { memory: 5 };
const HAS_MAX = 1;
/** Of the magic number and version in front of all sections. */
const PREAMBLE_BYTES = 8;

/**
 * The same WebAssembly with another maximum of its one memory, in pages of 64 KiB: growing beyond it fails within the module,
 * whose own maximum may be the whole address space. https://webassembly.github.io/spec/core/binary/modules.html#memory-section
 */
export function withHeapLimit(code: Uint8Array, pages: number): Uint8Array {
  let at = PREAMBLE_BYTES;
  /** LEB128, at most 32 bits. */
  const number = () => {
    let [value, shift, byte] = [0, 0, 0x80];
    for (; byte & 0x80; shift += 7) {
      byte = code[at] ?? 0;
      at += 1;
      value |= (byte & 0x7f) << shift;
    }
    return value >>> 0;
  };
  while (at < code.length) {
    const start = at;
    const section = code[at];
    at += 1;
    const end = number() + at;
    if (section === SECTION.memory) {
      if (number() !== 1) break;
      number();
      const memory = [1, HAS_MAX, ...leb128(number()), ...leb128(pages)];
      const changed = [SECTION.memory, ...leb128(memory.length), ...memory];
      return Buffer.concat([code.subarray(0, start), Uint8Array.from(changed), code.subarray(end)]);
    }
    at = end;
  }
  throw new Error('this WebAssembly has no memory of its own');
}

function leb128(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb128(value >>> 7)];
}
