/**
 * Loaded into a server before its code: renders of pictures 13 pixels wide hang a thread of libuv's pool for ever, as sharp
 * has been seen to do. The thread is a real one, stuck in open() of a pipe that nobody writes to.
 */
import { execFileSync } from 'node:child_process';
import { open } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';

const pipe = join(tmpdir(), `hang-${process.pid}`);
const prototype = Object.getPrototypeOf(sharp({ create: { width: 1, height: 1, channels: 3, background: '#000' } }));
const { toBuffer } = prototype;
prototype.toBuffer = function (this: { options: { width: number } }, ...rest: unknown[]) {
  if (this.options.width !== 13) return toBuffer.apply(this, rest);
  execFileSync('mkfifo', [pipe]);
  return new Promise((resolve) => open(pipe, 'r', resolve));
};
