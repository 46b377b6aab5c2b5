/** Boxes of ISO/IEC 14496-12, out of buffers, of texts in latin1, and of boxes. */
export type Part = Buffer | string | readonly Part[];

export function box(type: string, ...parts: Part[]): Part {
  return [u32(8 + bytesOf(parts)), type, parts];
}

export function boxBytes(type: string, ...parts: Part[]): Buffer {
  return Buffer.concat(flat([box(type, ...parts)]));
}

/** With a version and flags, both 0. */
export function fullBox(type: string, ...parts: Part[]): Part {
  return box(type, u32(0), ...parts);
}

export function flat(parts: readonly Part[]): Buffer[] {
  return parts.flatMap((part) => {
    if (Buffer.isBuffer(part)) return [part];
    return typeof part === 'string' ? [Buffer.from(part, 'latin1')] : flat(part);
  });
}

export const bytesOf = (parts: readonly Part[]) => flat(parts).reduce((sum, { length }) => sum + length, 0);
export const u8 = (value: number) => Buffer.from([value]);
export const u16 = (value: number) => Buffer.from([value >> 8, value & 0xff]);
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
