import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import type { Face, Look, LookDepth, Probe } from '../../src/faces/face.ts';
import type { FaceFinder } from '../../src/faces/finder.ts';

export const astronaut = await readFile(new URL('../../samples/astronaut.jpg', import.meta.url));
export const coffee = await readFile(new URL('../../samples/coffee.jpg', import.meta.url));

/** Where the astronaut's face is, in pixels of 512 × 512, by eye. */
export const ASTRONAUT_FACE = { left: 178, top: 70, width: 92, height: 112 };

export async function probeOf(picture: Buffer): Promise<Probe> {
  const { data, info } = await sharp(picture)
    .resize({ width: 640, height: 640, fit: 'inside', withoutEnlargement: true })
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

/** Code that stands in for the face thread. `answer(task)` and `ready()` are there. */
export function workerThat(does: string): URL {
  const code = `
    import { parentPort } from 'node:worker_threads';
    const ready = () => parentPort.postMessage('ready');
    const answer = ({ number }, faces = []) => parentPort.postMessage({ number, faces, depth: 'tiles', complete: true });
    const onTask = (act) => parentPort.on('message', act);
    ${does}`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

export const face = (left: number, top: number, width: number, height = width, score = 0.9): Face => ({
  ...{ left, top, width, height, score },
  eyesY: top + height * 0.35,
});

/** A look that went to its end. */
export const saw = (faces: readonly Face[]): Look => ({ faces, depth: 'tiles', complete: true });

/** A finder that knows its faces, and counts who asks. */
export function fixedFinder(faces: readonly Face[]): FaceFinder & { looks: number } {
  return {
    looks: 0,
    async find() {
      this.looks += 1;
      return saw(faces);
    },
    prepare: () => {},
    running: false,
    async close() {},
  };
}

/** A finder whose looks end when the test says so. */
export function heldFinder() {
  const looks: (PromiseWithResolvers<Look> & { readonly depth: LookDepth })[] = [];
  return {
    looks,
    find(_probe: Probe, depth: LookDepth) {
      const look = { ...Promise.withResolvers<Look>(), depth };
      looks.push(look);
      return look.promise;
    },
    prepare: () => {},
    running: true,
    close: async () => {},
  };
}
