/** What the sequence header of an AV1 stream says of its colours, as code points of ITU-T H.273. */
export interface Av1Colours {
  readonly primaries: number;
  readonly transfer: number;
  readonly matrix: number;
  readonly fullRange: boolean;
  readonly monochrome: boolean;
}

const SEQUENCE_HEADER = 1;
const FRAME_HEADERS = new Set([3, 6]);
/** Delimiters, metadata and padding may stand before the sequence header. */
const MAX_OBUS = 16;
const UNSPECIFIED = 2;
const SELECTED_BY_FRAMES = 2;

/**
 * Reads the first sequence header of an AV1 stream: AV1 specification (https://aomediacodec.github.io/av1-spec/), 5.3 and 5.5.
 * Undefined where there is none.
 */
export function av1Colours(stream: Buffer): Av1Colours | undefined {
  for (let [at, read] = [0, 0]; at + 1 < stream.length && read < MAX_OBUS; read += 1) {
    const head = stream.readUInt8(at);
    const type = (head >> 3) & 15;
    const size = (head & 2) === 0 ? undefined : leb128(stream, at + ((head & 4) === 0 ? 1 : 2));
    const start = size?.end ?? at + ((head & 4) === 0 ? 1 : 2);
    const end = size ? start + size.value : stream.length;
    if (type === SEQUENCE_HEADER) return sequenceHeader(bitsOf(stream.subarray(start, end)));
    if (FRAME_HEADERS.has(type)) return undefined;
    at = end;
  }
  return undefined;
}

function leb128(stream: Buffer, at: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let n = 0; n < 5 && at + n < stream.length; n += 1) {
    const byte = stream.readUInt8(at + n);
    value += (byte & 0x7f) * 2 ** (7 * n);
    if (byte < 0x80) return { value, end: at + n + 1 };
  }
  return undefined;
}

interface Bits {
  read(count: number): number;
  flag(): boolean;
  readonly overrun: boolean;
}

/** Bits of a buffer, the highest of each byte first; zeros behind its end. */
function bitsOf(bytes: Buffer): Bits {
  let at = 0;
  const read = (count: number) => {
    let value = 0;
    for (let n = 0; n < count; n += 1, at += 1) value = value * 2 + (((bytes[at >> 3] ?? 0) >> (7 - (at & 7))) & 1);
    return value;
  };
  return {
    read,
    flag: () => read(1) === 1,
    get overrun() {
      return at > bytes.length * 8;
    },
  };
}

function sequenceHeader(bits: Bits): Av1Colours | undefined {
  const profile = bits.read(3);
  bits.read(1);
  const reduced = bits.flag();
  if (reduced) bits.read(5);
  else operatingPoints(bits);
  const [widthBits, heightBits] = [bits.read(4) + 1, bits.read(4) + 1];
  bits.read(widthBits);
  bits.read(heightBits);
  if (!reduced && bits.flag()) bits.read(7);
  // Superblocks of 128 pixels, filter intra, intra edge filter.
  bits.read(3);
  if (!reduced) interTools(bits);
  // Super-resolution, CDEF, restoration.
  bits.read(3);
  const colours = colourConfig(bits, profile);
  return bits.overrun ? undefined : colours;
}

function operatingPoints(bits: Bits): void {
  let delayBits: number | undefined;
  if (bits.flag()) {
    bits.read(64);
    if (bits.flag()) variableLength(bits);
    if (bits.flag()) {
      delayBits = bits.read(5) + 1;
      bits.read(42);
    }
  }
  const hasDisplayDelay = bits.flag();
  const count = bits.read(5) + 1;
  for (let n = 0; n < count; n += 1) {
    bits.read(12);
    if (bits.read(5) > 7) bits.read(1);
    if (delayBits !== undefined && bits.flag()) bits.read(2 * delayBits + 1);
    if (hasDisplayDelay && bits.flag()) bits.read(4);
  }
}

/** uvlc() of the specification, 4.10.3. */
function variableLength(bits: Bits): void {
  let zeros = 0;
  while (!bits.flag() && zeros < 32) zeros += 1;
  if (zeros < 32) bits.read(zeros);
}

function interTools(bits: Bits): void {
  bits.read(4);
  const orderHint = bits.flag();
  if (orderHint) bits.read(2);
  const screenContent = bits.flag() ? SELECTED_BY_FRAMES : bits.read(1);
  if (screenContent > 0 && !bits.flag()) bits.read(1);
  if (orderHint) bits.read(3);
}

function colourConfig(bits: Bits, profile: number): Av1Colours {
  const high = bits.flag();
  if (profile === 2 && high) bits.read(1);
  const monochrome = profile !== 1 && bits.flag();
  const said = bits.flag();
  const [primaries, transfer, matrix] = said
    ? [bits.read(8), bits.read(8), bits.read(8)]
    : [UNSPECIFIED, UNSPECIFIED, UNSPECIFIED];
  // sRGB without a conversion to YCbCr is of full range, which no bit says.
  const plainRgb = !monochrome && primaries === 1 && transfer === 13 && matrix === 0;
  return { primaries, transfer, matrix, fullRange: plainRgb || bits.flag(), monochrome };
}
