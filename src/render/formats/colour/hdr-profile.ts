import type { Cicp } from './cicp-profile.ts';
import { isHdr } from './transfer.ts';

/** ICC.1:2022, 7.2 and 7.3: a header, the number of tags, then a name, an offset and a length for each. */
const HEADER_BYTES = 128;
/** Little CMS reads no more. */
const MOST_TAGS = 100;
/** ICC.1:2022, 10.3: a name, four bytes for later, primaries, transfer, matrix and range. */
const CICP_BYTES = 12;

/**
 * PQ or HLG, told by a profile for red, green and blue in its tag `cicp` (ICC.1:2022, 9.2.17). Chromium believes it before curves and
 * tables, which say light in parts of 10,000 nits, or fall short of it; what it says of a matrix and a range is of numbers that were RGB
 * already when the profile came in front of them. Undefined for all other profiles.
 */
export function hdrOf(profile: Buffer): Cicp | undefined {
  if (profile.length < HEADER_BYTES + 4 || profile.toString('latin1', 16, 20) !== 'RGB ') return undefined;
  const count = Math.min(profile.readUInt32BE(HEADER_BYTES), MOST_TAGS);
  const end = Math.min(HEADER_BYTES + 4 + 12 * count, profile.length - 11);
  for (let at = HEADER_BYTES + 4; at < end; at += 12) {
    if (profile.toString('latin1', at, at + 4) !== 'cicp') continue;
    const from = profile.readUInt32BE(at + 4);
    if (profile.readUInt32BE(at + 8) < CICP_BYTES || from + CICP_BYTES > profile.length) return undefined;
    if (profile.toString('latin1', from, from + 4) !== 'cicp') return undefined;
    const [primaries, transfer] = [profile.readUInt8(from + 8), profile.readUInt8(from + 9)];
    return isHdr(transfer) ? { primaries, transfer, fullRange: true } : undefined;
  }
  return undefined;
}
