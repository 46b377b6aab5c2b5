import type { Cicp } from './cicp-profile.ts';
import { listedTags } from './icc-profile.ts';
import { isHdr } from './transfer.ts';

/** ICC.1:2022, 10.3: a name, four bytes for later, primaries, transfer, matrix and range. */
const CICP_BYTES = 12;

/**
 * PQ or HLG, told by a profile for red, green and blue in its tag `cicp` (ICC.1:2022, 9.2.17). Chromium believes it before curves and
 * tables, which say light in parts of 10,000 nits, or fall short of it; what it says of a matrix and a range is of numbers that were RGB
 * already when the profile came in front of them. Undefined for all other profiles.
 */
export function hdrOf(profile: Buffer): Cicp | undefined {
  const tag = listedTags(profile)?.tags.find(({ name }) => name === 'cicp');
  if (!tag || profile.toString('latin1', 16, 20) !== 'RGB ') return undefined;
  const { offset, length } = tag;
  if (length < CICP_BYTES || offset + CICP_BYTES > profile.length) return undefined;
  if (profile.toString('latin1', offset, offset + 4) !== 'cicp') return undefined;
  const [primaries, transfer] = [profile.readUInt8(offset + 8), profile.readUInt8(offset + 9)];
  return isHdr(transfer) ? { primaries, transfer, fullRange: true } : undefined;
}
