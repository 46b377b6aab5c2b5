/** The face thread: answers each `FaceTask` with a `FaceReply`. */

import { parentPort } from 'node:worker_threads';
import { closeUpOf, confirmed, facesOf, suggestions, tilesOf } from './candidates.ts';
import { type Detect, loadDetector } from './detector.ts';
import type { Face } from './face.ts';
import type { FaceReply, FaceTask } from './finder.ts';
import type { Picture } from './picture.ts';

/** Score from which the models report a face; candidates.ts decides which ones are kept. */
const MIN_SCORE = 0.4;
/** In a picture with a shorter side no face is recognisable, in pixels. */
const MIN_SIDE_PX = 20;
/** After this long, in milliseconds, the search ends with the faces found so far: a crowd is framed by its surest ones. */
const LOOK_MS = 800;

/** Both models look at the whole picture, the far one at its parts, then both at a close-up of each suggestion. */
function facesIn(whole: Picture, near: Detect, far: Detect): Face[] {
  if (Math.min(whole.width, whole.height) < MIN_SIDE_PX) return [];
  const until = performance.now() + LOOK_MS;
  const inTime = <T>(part: T): T[] => (performance.now() < until ? [part] : []);
  const everything = { left: 0, top: 0, width: whole.width, height: whole.height };
  const [large, all] = [near(whole, everything), far(whole, everything)];
  const tiled = tilesOf(whole, [...large, ...all]).flatMap((tile) =>
    inTime(tile).map(() => ({ tile, found: far(whole, tile) })),
  );
  const { sure, suggested } = suggestions(whole, large, all, tiled);
  const checked = suggested.flatMap((suggestion) => {
    const closeUp = inTime(closeUpOf(suggestion, whole))[0];
    const face = closeUp && confirmed(suggestion, near(whole, closeUp), far(whole, closeUp));
    return face ?? [];
  });
  return facesOf(whole, [...sure, ...checked]);
}

async function main(): Promise<void> {
  const near = await loadDetector({ file: 'face_detection_short_range.tflite', minScore: MIN_SCORE });
  const far = await loadDetector({ file: 'face_detection_full_range.tflite', minScore: MIN_SCORE });
  parentPort?.on('message', ({ number, data, width, height }: FaceTask) => {
    let reply: FaceReply;
    try {
      const whole: Picture = { data: new Uint8ClampedArray(data.buffer, data.byteOffset, data.length), width, height };
      reply = { number, faces: facesIn(whole, near, far), depth: 'tiles', complete: true };
    } catch (error) {
      reply = { number, error: String(error) };
    }
    parentPort?.postMessage(reply);
  });
  parentPort?.postMessage('ready');
}

await main();
