/** The face thread: answers each `FaceTask` with a `FaceReply`. */

import { parentPort, workerData } from 'node:worker_threads';
import { MIN_NEAR, MIN_REPORTED } from './candidates.ts';
import { type Detect, loadDetector } from './detector.ts';
import type { FaceReply, FaceTask } from './finder.ts';
import { search } from './search.ts';

/** After this much CPU, in milliseconds, the search ends with the faces found so far. A warm search of a crowd takes 400. */
const LOOK_CPU_MS = 2000;
const lookCpuMs: number = workerData?.lookCpuMs ?? LOOK_CPU_MS;

const far = await loadDetector({ file: 'face_detection_full_range.tflite', minScore: MIN_REPORTED });
let near: Promise<Detect> | undefined;

/** CPU time of this thread so far. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

async function answer({ number, depth, data, width, height }: FaceTask): Promise<FaceReply> {
  let until = cpuMs() + lookCpuMs;
  const models = {
    far,
    async near() {
      const before = cpuMs();
      near ??= loadDetector({ file: 'face_detection_short_range.tflite', minScore: MIN_NEAR });
      const detect = await near;
      // The limit is for work on this picture.
      until += cpuMs() - before;
      return detect;
    },
  };
  try {
    const picture = { data: new Uint8ClampedArray(data.buffer, data.byteOffset, data.length), width, height };
    return { number, ...(await search(picture, depth, models, () => cpuMs() < until)) };
  } catch (error) {
    return { number, error: String(error) };
  }
}

parentPort?.on('message', async (task: FaceTask) => parentPort?.postMessage(await answer(task)));
parentPort?.postMessage('ready');
