import type { Decoded } from '../../decoders/decoder.ts';
import type { Decoders } from '../../decoders/decoders.ts';
import type { Probe } from '../../faces/face.ts';
import type { StepTimer } from '../../telemetry/step-timer.ts';
import { estimateDecode } from '../cost-estimate.ts';
import { cicpColours } from '../formats/colour/cicp-profile.ts';
import { hdrOf } from '../formats/colour/hdr-profile.ts';
import { refuse } from '../formats/header.ts';
import { tiffAround } from '../formats/rows-tiff.ts';
import type { DecodeLimits, OriginalSource, PictureSource } from '../picture-source.ts';
import { freeNow } from '../pixels.ts';
import type { FaceLookup } from './face-aware-crop.ts';

interface ElsewhereSource extends OriginalSource {
  readonly header: OriginalSource['header'] & { readonly decoder: string };
}

/** Whether the pixels of a source are decoded outside sharp. */
export function isDecodedElsewhere(source: PictureSource): source is ElsewhereSource {
  // Rows that were decoded already have another coding.
  return source.kind === 'original' && source.header.decoder !== undefined && source.header.coding !== 'pixels';
}

/** CPU that a thread may use for a picture: so much, and this many times what it is expected to take. */
const CPU = { leastMs: 2000, times: 5 };
/** A drawing of a few hundred bytes may ask for any work, and those that shops have take 0.4 s at most. */
const CPU_OF_SVG = { leastMs: 1000, times: 2 };

/**
 * The same original as a file that sharp reads: all of its pixels, or fewer with a longer side of at least `side`. Throws as
 * `Decoders.decode` does, and `original_unreadable` where there is another picture than the header says.
 */
async function decodeElsewhere(
  decoders: Decoders | undefined,
  { body, header }: OriginalSource,
  side: number,
  { maxPixels }: DecodeLimits,
  signal: AbortSignal,
): Promise<OriginalSource> {
  const format = decoders?.formatOf(body);
  if (!decoders || !format) throw new Error(`there is no decoder for ${header.decoder}`);
  const { leastMs, times } = header.decoder === 'svg' ? CPU_OF_SVG : CPU;
  const cpuMs = leastMs + times * estimateDecode(header, 1).ms;
  const decoded = await decoders.decode(format.name, body, { side, maxPixels, cpuMs }, signal);
  const { width, height, orientation } = decoded;
  const stored = orientation > 4 ? { width: height, height: width } : { width, height };
  const asSaid = stored.width === header.size.width && stored.height === header.size.height;
  if (side === Number.POSITIVE_INFINITY && !asSaid) refuse(new Error('the header tells of another size'));
  const { picture, narrow } = withColours(decoded);
  const hasProfile = picture.icc !== undefined;
  return {
    kind: 'original',
    body: tiffAround(picture),
    header: { ...header, stored, coding: 'pixels', turned: orientation !== 1, hasProfile, narrow },
  };
}

/** Colours told by code points become a profile, as those of AVIF do; the rows move, because there was no room for one. */
function withColours(decoded: Decoded): { readonly picture: Decoded; readonly narrow?: boolean } {
  const { icc, nclx, channels, memory, at } = decoded;
  const said = icc ? hdrOf(Buffer.from(icc.buffer, icc.byteOffset, icc.byteLength)) : nclx;
  const told = said && cicpColours({ ...said, fullRange: true }, channels === 1 ? 1 : 3);
  if (!told) return { picture: decoded };
  const moved = at + told.profile.length;
  const roomy = new ArrayBuffer(moved + memory.byteLength - at);
  new Uint8Array(roomy).set(new Uint8Array(memory, at), moved);
  return { picture: { ...decoded, icc: told.profile, memory: roomy, at: moved }, narrow: !told.wide };
}

/** Runs `work` with what sharp reads of such an original, and frees that behind it: V8 would at its next full collection. */
export function createElsewhere(decoders: Decoders | undefined, limits: DecodeLimits) {
  return async <T>(
    original: OriginalSource,
    side: number,
    signal: AbortSignal,
    work: (source: OriginalSource) => Promise<T>,
    timer?: StepTimer,
  ): Promise<T> => {
    const decoding = decodeElsewhere(decoders, original, side, limits, signal);
    const source = await (timer ? timer.time('decode', decoding) : decoding);
    const done = await work(source);
    // Not after an error: then a part of the work may still read the rows.
    freeNow(source.body);
    return done;
  };
}

/** The same look, and when its pixels were taken: it may go on behind the rendition, and then it still reads the rows. */
export function watchProbes(look: FaceLookup) {
  const probes: Promise<Probe>[] = [];
  const faces: FaceLookup = (probe, depth) => {
    const taken = () => {
      const pixels = probe();
      probes.push(pixels);
      return pixels;
    };
    return look(taken, depth);
  };
  return { faces, settled: () => Promise.allSettled(probes) };
}
