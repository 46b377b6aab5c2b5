/** A decoder thread: answers each `DecodeTask` and each `JxlTask` with a `DecodeReply`. */

import { parentPort } from 'node:worker_threads';
import { type Decode, type Decoded, type DecodedHead, DecodeError, ROOM } from './decoder.ts';
import type { DecodeReply, DecodeTask, JxlTask } from './decoders.ts';
import type { FormatName } from './formats.ts';

/** Loaded by the first file of each format. */
const DECODERS: Readonly<Record<FormatName, () => Promise<{ readonly decode: Decode }>>> = {
  heic: () => import('./heic.ts'),
  jxl: () => import('./magick/jxl.ts'),
  tiff: () => import('./magick/tiff.ts'),
  jp2: () => import('./magick/jp2.ts'),
  psd: () => import('./psd/psd.ts'),
  bmp: () => import('./bitmaps/bmp.ts'),
  ico: () => import('./bitmaps/ico.ts'),
  svg: () => import('./svg/svg.ts'),
};

async function answer({ number, format, file, wanted }: DecodeTask): Promise<DecodeReply> {
  const opened: { picture?: Decoded } = {};
  const open = (head: DecodedHead) => {
    const picture = roomFor(head, wanted.maxPixels);
    opened.picture = picture;
    return new Uint8Array(picture.memory, picture.at, rowBytes(head));
  };
  try {
    const { decode } = await DECODERS[format]();
    await decode(file, wanted, open);
    if (!opened.picture) throw new DecodeError('broken', 'no picture was found');
    return { number, picture: opened.picture };
  } catch (error) {
    if (error instanceof DecodeError) return { number, kind: error.kind, why: error.message };
    // The thread ends behind this answer: a trap may have left anything in its memory.
    return { number, kind: 'broken', why: String(error), lost: true };
  }
}

function roomFor(head: DecodedHead, maxPixels: number): Decoded {
  const { width, height, icc } = head;
  const whole = [width, height].every((side) => Number.isInteger(side) && side > 0);
  if (!whole) throw new DecodeError('broken', `no picture has ${width} × ${height} pixels`);
  if (width * height > maxPixels) throw new DecodeError('too_large', `${width} × ${height} exceed the pixel limit`);
  const at = ROOM + (icc?.length ?? 0);
  return { ...head, memory: new ArrayBuffer(at + rowBytes(head)), at };
}

function rowBytes({ width, height, channels }: DecodedHead): number {
  return width * height * channels;
}

async function encode({ number, pixels }: JxlTask): Promise<DecodeReply> {
  try {
    const { writeJxl } = await import('./magick/write-jxl.ts');
    return { number, file: await writeJxl(pixels) };
  } catch (error) {
    return { number, kind: 'unsupported', why: String(error), lost: true };
  }
}

parentPort?.on('message', async (task: DecodeTask | JxlTask) => {
  const reply = await ('pixels' in task ? encode(task) : answer(task));
  const memory = reply.picture?.memory ?? reply.file?.buffer;
  parentPort?.postMessage(reply, memory instanceof ArrayBuffer ? [memory] : []);
});
parentPort?.postMessage('ready');
