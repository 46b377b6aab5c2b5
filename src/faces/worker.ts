/** The face thread: answers each `FaceTask` with a `FaceReply`. */

import { parentPort, workerData } from 'node:worker_threads';
import { MIN_NEAR, MIN_REPORTED } from './candidates.ts';
import { codeToSave, type Detect, loadDetector } from './detector.ts';
import type { FaceReply, FaceTask } from './finder.ts';
import { search } from './search.ts';
import { createWorkLimit, threadCpuMs } from './work-limit.ts';

/** After this much CPU, in milliseconds, the search ends with the faces found so far. A warm search of a crowd takes 400. */
const LOOK_CPU_MS = 2000;
const lookCpuMs: number = workerData?.lookCpuMs ?? LOOK_CPU_MS;

/** Set by build/code-cache.ts: the thread is to be asked for the code that it has run. */
const toSave: boolean = workerData?.toSave ?? false;

const far = await loadDetector({ file: 'face_detection_full_range.tflite', minScore: MIN_REPORTED }, toSave);
let near: Promise<Detect> | undefined;

async function answer({ number, depth, data, width, height }: FaceTask): Promise<FaceReply> {
  const limit = createWorkLimit(lookCpuMs, threadCpuMs);
  const models = { far, near: () => limit.without(nearModel) };
  try {
    // The models read what the size says: beyond the end that is memory of their own, and no look behind it would be sound.
    if (data.length !== 4 * width * height)
      throw new RangeError(`${data.length} bytes are no ${width} × ${height} RGBA`);
    const picture = { data: new Uint8ClampedArray(data.buffer, data.byteOffset, data.length), width, height };
    return { number, ...(await search(picture, depth, models, limit.left)) };
  } catch (error) {
    return { number, error: String(error) };
  }
}

/** Loaded by the first photo that needs it: 40 ms of CPU. */
function nearModel(): Promise<Detect> {
  near ??= loadDetector({ file: 'face_detection_short_range.tflite', minScore: MIN_NEAR });
  return near;
}

parentPort?.on('message', async (task: FaceTask | 'code') =>
  parentPort?.postMessage(task === 'code' ? await codeToSave() : await answer(task)),
);
parentPort?.postMessage('ready');
