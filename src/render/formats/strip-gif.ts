/** GIF89a: https://www.w3.org/Graphics/GIF/spec-gif89a.txt */

const HEADER_BYTES = 13;
const INTRODUCER = { extension: 0x21, image: 0x2c, trailer: 0x3b };
const LABEL = { graphicControl: 0xf9, application: 0xff };
/** How often an animation is shown; all other extensions of programs and comments are metadata. */
const LOOPS = ['NETSCAPE2.0', 'ANIMEXTS1.0'];

/** A GIF without comments and data of programs, its frames as they are. Undefined for one of more or fewer frames. */
export function stripGif(file: Buffer, frames: number | 'all'): Buffer | undefined {
  if (!/^GIF8[79]a$/.test(file.toString('latin1', 0, 6))) return undefined;
  const start = HEADER_BYTES + colourTableBytes(file.readUInt8(10));
  const kept: Buffer[] = [file.subarray(0, start)];
  let found = 0;
  for (let at = start; ; ) {
    const introducer = file.readUInt8(at);
    if (introducer === INTRODUCER.trailer) {
      return frames === 'all' || found === frames ? Buffer.concat([...kept, file.subarray(at, at + 1)]) : undefined;
    }
    const image = introducer === INTRODUCER.image;
    if (!image && introducer !== INTRODUCER.extension) return undefined;
    // A frame: its place, its colours, the size of its codes. An extension: its label.
    const end = endOfBlocks(file, image ? at + 11 + colourTableBytes(file.readUInt8(at + 9)) : at + 2);
    if (image) found += 1;
    if (image || isShown(file, at)) kept.push(file.subarray(at, end));
    at = end;
  }
}

function isShown(file: Buffer, at: number): boolean {
  const label = file.readUInt8(at + 1);
  if (label === LABEL.graphicControl) return true;
  return label === LABEL.application && LOOPS.includes(file.toString('latin1', at + 3, at + 14));
}

const colourTableBytes = (flags: number) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);

/** Data come in blocks of up to 255 bytes behind their length; an empty one ends them. */
function endOfBlocks(file: Buffer, start: number): number {
  let at = start;
  for (let bytes = file.readUInt8(at); bytes > 0; bytes = file.readUInt8(at)) at += 1 + bytes;
  return at + 1;
}
