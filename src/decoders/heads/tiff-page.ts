/** A classic header tells its first directory in 4 bytes from 4 on, that of BigTIFF in 8 bytes from 8 on. */
const BIG_TIFF = 43;
const MAX_ENTRIES = 4096;

/**
 * The same TIFF beginning with another of its pages (TIFF 6.0, section 2: directories are a list), a copy. Undefined where there are
 * fewer.
 */
export function tiffPage(file: Buffer, page: number): Buffer | undefined {
  if (file.length < 16) return undefined;
  const little = file[0] === 0x49;
  const copy = Buffer.from(file);
  const view = new DataView(copy.buffer, copy.byteOffset, copy.byteLength);
  const big = view.getUint16(2, little) === BIG_TIFF;
  const offset = (at: number) => (big ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little));
  const fits = (at: number, bytes: number) => at > 0 && at + bytes <= copy.length;
  const [first, countBytes, entryBytes, offsetBytes] = big ? [8, 8, 20, 8] : [4, 2, 12, 4];
  let at = offset(first);
  for (let n = 0; n < page && at !== 0; n += 1) {
    if (!fits(at, countBytes)) return undefined;
    const count = big ? offset(at) : view.getUint16(at, little);
    const next = at + countBytes + count * entryBytes;
    if (count > MAX_ENTRIES || !fits(next, offsetBytes)) return undefined;
    at = offset(next);
  }
  if (!fits(at, countBytes)) return undefined;
  if (big) view.setBigUint64(first, BigInt(at), little);
  else view.setUint32(first, at, little);
  return copy;
}
