const FTYP_AT = 4;
const MAJOR_AT = 8;
const COMPATIBLE_AT = 16;
/** A file type box names some ten brands; a longer one is not searched. */
const MAX_FTYP_BYTES = 1024;

/** Brands of pictures and sequences in AV1: https://aomediacodec.github.io/av1-avif/, sections 6 and 8. */
const AVIF = new Set(['avif', 'avis', 'MA1A', 'MA1B']);

/**
 * The same file with `avif` as its major brand where a compatible brand says that it is one (ISO/IEC 14496-12, 4.3: any of
 * them may be read). sharp and libvips look at the major brand alone, and take `mif1` and `msf1` for HEVC.
 */
export function withAvifBrand(file: Buffer): Buffer {
  if (file.toString('latin1', FTYP_AT, MAJOR_AT) !== 'ftyp') return file;
  const end = Math.min(file.length, file.readUInt32BE(0), MAX_FTYP_BYTES);
  if (end < COMPATIBLE_AT || file.toString('latin1', MAJOR_AT, MAJOR_AT + 4) === 'avif') return file;
  let isAvif = AVIF.has(file.toString('latin1', MAJOR_AT, MAJOR_AT + 4));
  for (let at = COMPATIBLE_AT; at + 4 <= end; at += 4) isAvif ||= AVIF.has(file.toString('latin1', at, at + 4));
  if (!isAvif) return file;
  // The caller's bytes may be hashed at this time, so they are not written to.
  const copy = Buffer.from(file);
  copy.write('avif', MAJOR_AT, 'latin1');
  return copy;
}
