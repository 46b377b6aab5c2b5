/**
 * MediaPipe's face detector in a thread of its own, without a browser: https://ai.google.dev/edge/mediapipe/solutions/vision/face_detector
 * Answers each `FaceTask` with a `FaceReply`. Opens no connection: library and models are read from disk.
 */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { parentPort } from 'node:worker_threads';
import type { FaceDetector } from '@mediapipe/tasks-vision';
import { type Area, type Candidate, closeUpOf, confirmed, facesOf, suggestions, tilesOf } from './candidates.ts';
import type { Look } from './face.ts';
import type { FaceReply, FaceTask } from './finder.ts';

const WASM = 'wasm/vision_wasm_module_internal';
/** Score from which the models report a face; candidates.ts decides which ones are kept. */
const MIN_SCORE = 0.4;
const MIN_SUPPRESSION = 0.3;
/** In a picture with a shorter side no face is recognisable, in pixels. */
const MIN_SIDE_PX = 20;
/** After this much CPU, in milliseconds, the search ends with the faces found so far. A warm search of a crowd takes 600. */
const LOOK_CPU_MS = 2000;

interface Picture {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/**
 * A canvas without WebGL. MediaPipe's graph uploads its input as a texture and reads it back before it computes on the CPU: this
 * keeps the last upload and returns its bytes. All other calls of WebGL get an answer that the graph accepts.
 */
function createCanvas() {
  let uploaded: Picture | undefined;
  const parameters: Readonly<Record<number, unknown>> = {
    7936: 'none', // VENDOR
    7937: 'none', // RENDERER
    7938: 'WebGL 2.0', // VERSION
    33307: 3, // MAJOR_VERSION
    33308: 0, // MINOR_VERSION
  };
  const context: Record<string, unknown> = {
    texImage2D: (...upload: unknown[]) => {
      uploaded = upload.at(-1) as Picture;
    },
    readPixels: (...[, , width, height, , , target, offset]: [...number[], Uint8Array, number]) => {
      const bytes = Number(width) * Number(height) * 4;
      if (uploaded) (target as Uint8Array).set(uploaded.data.subarray(0, bytes), Number(offset ?? 0));
    },
    checkFramebufferStatus: () => 36053, // FRAMEBUFFER_COMPLETE
    clientWaitSync: () => 37146, // ALREADY_SIGNALED
    fenceSync: () => ({}),
    getContextAttributes: () => ({}),
    getError: () => 0,
    getExtension: () => null,
    // MediaPipe takes limits of zero for a broken driver.
    getParameter: (name: number) => parameters[name] ?? 16_384,
    getSupportedExtensions: () => [],
    isContextLost: () => false,
  };
  const objects = ['Buffer', 'Framebuffer', 'Program', 'Query', 'Renderbuffer', 'Sampler', 'Shader', 'Texture'];
  for (const object of [...objects, 'VertexArray']) {
    context[`create${object}`] = () => ({});
    context[`delete${object}`] = () => {};
    context[`bind${object}`] = () => {};
    context[`is${object}`] = () => true;
  }
  const ignored = [
    ...['activeTexture', 'bindBufferBase', 'clear', 'clearColor', 'deleteSync', 'disable', 'drawBuffers', 'enable'],
    ...['finish', 'flush', 'framebufferTexture2D', 'generateMipmap', 'pixelStorei', 'readBuffer', 'texParameterf'],
    ...['texParameteri', 'texStorage2D', 'texSubImage2D', 'useProgram', 'viewport'],
  ];
  for (const name of ignored) context[name] = () => {};
  return {
    ...{ width: 1, height: 1 },
    getContext: () => context,
    addEventListener: () => {},
    removeEventListener: () => {},
  };
}

async function loadDetector(range: 'short' | 'full'): Promise<FaceDetector> {
  const root = new URL('./', pathToFileURL(createRequire(import.meta.url).resolve('@mediapipe/tasks-vision')));
  // Each detector consumes the factory that this import sets; another query makes it run again.
  await import(new URL(`${WASM}.js?${range}`, root).href);
  const { FaceDetector } = await import('@mediapipe/tasks-vision');
  const model = new URL(`./models/face_detection_${range}_range.tflite`, import.meta.url);
  return FaceDetector.createFromOptions(
    { wasmLoaderPath: '', wasmBinaryPath: new URL(`${WASM}.wasm`, root).pathname },
    {
      baseOptions: { modelAssetBuffer: readFileSync(model), delegate: 'CPU' },
      canvas: createCanvas() as never,
      runningMode: 'IMAGE',
      minDetectionConfidence: MIN_SCORE,
      minSuppressionThreshold: MIN_SUPPRESSION,
    },
  );
}

/** Detections of one model in one part of the picture; boxes in pixels of the whole picture. */
function look(detector: FaceDetector, whole: Picture, part: Area): Candidate[] {
  const picture = cut(whole, part);
  const { detections } = detector.detect(picture as never);
  return detections.flatMap(({ boundingBox, categories, keypoints }): Candidate[] => {
    if (!boundingBox) return [];
    const [rightEye, leftEye] = keypoints;
    const { originX, originY, width, height } = boundingBox;
    return [
      {
        ...{ left: part.left + originX, top: part.top + originY, width, height },
        score: categories[0]?.score ?? 0,
        eyesY: part.top + (((rightEye?.y ?? 0) + (leftEye?.y ?? 0)) / 2) * part.height,
      },
    ];
  });
}

function cut({ data, width }: Picture, part: Area): Picture {
  const out = new Uint8ClampedArray(part.width * part.height * 4);
  for (let y = 0; y < part.height; y += 1) {
    const from = ((part.top + y) * width + part.left) * 4;
    out.set(data.subarray(from, from + part.width * 4), y * part.width * 4);
  }
  return { data: out, width: part.width, height: part.height };
}

/** Both models look at the whole picture, the far one at its parts, then both at a close-up of each suggestion. */
function facesIn(whole: Picture, near: FaceDetector, far: FaceDetector): Look {
  if (Math.min(whole.width, whole.height) < MIN_SIDE_PX) return { faces: [], depth: 'tiles', complete: true };
  const until = cpuMs() + LOOK_CPU_MS;
  let complete = true;
  const inTime = <T>(part: T): T[] => {
    complete &&= cpuMs() < until;
    return complete ? [part] : [];
  };
  const everything = { left: 0, top: 0, width: whole.width, height: whole.height };
  const [large, all] = [look(near, whole, everything), look(far, whole, everything)];
  const tiled = tilesOf(whole, [...large, ...all]).flatMap((tile) =>
    inTime(tile).map(() => ({ tile, found: look(far, whole, tile) })),
  );
  const { sure, suggested } = suggestions(whole, large, all, tiled);
  const checked = suggested.flatMap((suggestion) => {
    const closeUp = inTime(closeUpOf(suggestion, whole))[0];
    const face = closeUp && confirmed(suggestion, look(near, whole, closeUp), look(far, whole, closeUp));
    return face ?? [];
  });
  return { faces: facesOf(whole, [...sure, ...checked]), depth: 'tiles', complete };
}

/** CPU time of this thread so far. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

async function main(): Promise<void> {
  const global = globalThis as Record<string, unknown>;
  global.self = globalThis;
  global.WebGLRenderingContext = class {};
  global.WebGL2RenderingContext = class {};
  const near = await loadDetector('short');
  const far = await loadDetector('full');
  parentPort?.on('message', ({ number, data, width, height }: FaceTask) => {
    let reply: FaceReply;
    try {
      const whole: Picture = { data: new Uint8ClampedArray(data.buffer, data.byteOffset, data.length), width, height };
      reply = { number, ...facesIn(whole, near, far) };
    } catch (error) {
      reply = { number, error: String(error) };
    }
    parentPort?.postMessage(reply);
  });
  parentPort?.postMessage('ready');
}

await main();
