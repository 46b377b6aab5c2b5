import { type Curve, greyProfile, matrixProfile, tableProfile } from './icc-profile.ts';
import {
  BT_709,
  BT_2020,
  type Chromaticities,
  inverse,
  type Matrix,
  primariesOf,
  product,
  times,
  toConnectionSpace,
  type Vector,
} from './primaries.ts';
import { displayedHlg, PAPER_NITS, PEAK_NITS, toneMap } from './tone-map.ts';
import {
  type CameraCurve,
  hlgToScene,
  isHdr,
  linearToSrgb,
  PQ,
  pqToNits,
  srgbToLinear,
  transferOf,
} from './transfer.ts';

/** Colours by code points of ITU-T H.273: those of AVIF's and HEIC's `nclx`, of PNG's `cICP`, of AV1 and HEVC. */
export interface Cicp {
  readonly primaries: number;
  readonly transfer: number;
  /** Of what is decoded to RGB: false where black is 16 and white 235 of 255 in these pixels too. */
  readonly fullRange: boolean;
  /** The brightest light of an HDR picture in nits, where its file says it. */
  readonly peakNits?: number | undefined;
  /** How the curves of cameras are shown; undefined as sRGB. */
  readonly cameras?: CameraCurve | undefined;
}

/** How pixels become colours: by a profile in front of them, or as they are, in sRGB. */
export interface PixelColours {
  readonly profile: Buffer;
  /** Whether it holds colours that Display P3 shows and sRGB does not. */
  readonly wide: boolean;
}

interface Meaning {
  readonly name: string;
  readonly primaries: Chromaticities;
  readonly curve: Curve;
  readonly channels: 1 | 3;
}

/**
 * The profile that says what these code points say, by which libvips and any colour engine convert pixels; HDR comes out
 * tone-mapped, see `toneMap`. Undefined where the pixels are sRGB, which unspecified and reserved code points mean. `channels`:
 * 1 for pictures in grey. AVIF, HEIC and PNG share it.
 */
export function cicpColours(cicp: Cicp, channels: 1 | 3 = 3): PixelColours | undefined {
  const { primaries, transfer, fullRange, peakNits = PEAK_NITS, cameras } = cicp;
  const key = [primaries, transfer, fullRange, isHdr(transfer) && peakNits, cameras, channels].join();
  return remembered(key, () => {
    if (!isHdr(transfer)) return sdrColours(cicp, channels);
    return channels === 1 ? greyHdrColours(cicp) : hdrColours(cicp);
  });
}

function sdrColours({ primaries, transfer, fullRange, cameras }: Cicp, channels: 1 | 3): PixelColours | undefined {
  const decode = transferOf(transfer, cameras);
  // Browsers take nothing of a description whose curve they do not know.
  const from = (decode && primariesOf(primaries)) ?? BT_709;
  const curve = decode ?? srgbToLinear;
  if (curve === srgbToLinear && fullRange && (from === BT_709 || channels === 1)) return undefined;
  const name = `CICP ${primaries}/${transfer}${fullRange ? '' : ' limited'}`;
  return colours({ name, primaries: from, curve: fullRange ? curve : (value) => curve(fromLimited(value)), channels });
}

/** The profile of pictures whose primaries and curve are told; undefined where no colours have such primaries. */
export function colours({ name, primaries, curve, channels }: Meaning): PixelColours | undefined {
  if (channels === 1) return { profile: greyProfile(name, curve), wide: false };
  const toXyz = toConnectionSpace(primaries);
  return toXyz && { profile: matrixProfile(name, toXyz, curve), wide: isWider(toXyz) };
}

/** From 16 to 235 of 255, in which limited range keeps its numbers, to 0 to 1. */
const fromLimited = (value: number) => Math.min(1, Math.max(0, (value * 255 - 16) / 219));

/**
 * How much of sRGB's red, green or blue a colour may lack to count as one of sRGB. The primaries of television come near to
 * sRGB's and stay within; those of Display P3 and Adobe RGB reach -0.22 and -0.4.
 */
const MOST_LACKING = -0.1;

function isWider(toXyz: Matrix): boolean {
  return fromXyz(BT_709, toXyz)
    .flat()
    .some((value) => value < MOST_LACKING);
}

function fromXyz(primaries: Chromaticities, toXyz: Matrix): Matrix {
  const own = toConnectionSpace(primaries);
  const back = own && inverse(own);
  if (!back) throw new Error('these primaries are those of a standard');
  return product(back, toXyz);
}

/** Along each channel: what lies between two of them is within a level of the curve. */
const HDR_POINTS = 33;

function hdrColours({ primaries, transfer, fullRange, peakNits }: Cicp): PixelColours | undefined {
  const from = primariesOf(primaries) ?? BT_709;
  const toXyz = toConnectionSpace(from);
  const screen = toConnectionSpace(BT_2020);
  if (!toXyz || !screen) return undefined;
  const toScreen = fromXyz(BT_2020, toXyz);
  const map = toneMap(peakNits ?? PEAK_NITS);
  const decode = hdrCurve(transfer, fullRange);
  // Each of the few numbers along a channel is decoded once.
  const samples = Array.from({ length: HDR_POINTS }, (_, n) => decode(n / (HDR_POINTS - 1)));
  const linear = (value: number) => samples[Math.round(value * (HDR_POINTS - 1))] ?? 0;
  const light = (rgb: Vector) => (transfer === PQ ? rgb : displayedHlg(rgb));
  const profile = tableProfile(`CICP ${primaries}/${transfer}, tone-mapped`, {
    ...{ channels: 3, points: HDR_POINTS, decode: srgbToLinear, toXyz: screen },
    entry([red = 0, green = 0, blue = 0]) {
      const [r, g, b] = map(light(times(toScreen, [linear(red), linear(green), linear(blue)])));
      return [linearToSrgb(r), linearToSrgb(g), linearToSrgb(b)];
    },
  });
  return { profile, wide: isWider(toXyz) };
}

/** Greys stay grey, so one curve says it all. */
function greyHdrColours({ primaries, transfer, fullRange, peakNits }: Cicp): PixelColours {
  const decode = hdrCurve(transfer, fullRange);
  const map = toneMap(peakNits ?? PEAK_NITS);
  const profile = greyProfile(`CICP ${primaries}/${transfer}, tone-mapped`, (value) => {
    const light = decode(value);
    return map(transfer === PQ ? [light, light, light] : displayedHlg([light, light, light]))[0];
  });
  return { profile, wide: false };
}

/** To the light of the display, where 1 is the white of paper, of PQ; to that of the scene, 0 to 1, of HLG. */
function hdrCurve(transfer: number, fullRange: boolean): Curve {
  const decode: Curve = transfer === PQ ? (value) => pqToNits(value) / PAPER_NITS : hlgToScene;
  return fullRange ? decode : (value) => decode(fromLimited(value));
}

/** Some are 0.2 MB. More kinds than this are written anew each time, in some 20 ms. */
const MAX_REMEMBERED = 12;
const known = new Map<string, PixelColours | undefined>();

function remembered(key: string, make: () => PixelColours | undefined): PixelColours | undefined {
  if (known.has(key)) return known.get(key);
  const made = make();
  const [oldest] = known.keys();
  if (known.size >= MAX_REMEMBERED && oldest !== undefined) known.delete(oldest);
  known.set(key, made);
  return made;
}
