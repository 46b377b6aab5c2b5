/**
 * MediaPipe's face detector without a browser: https://ai.google.dev/edge/mediapipe/solutions/vision/face_detector
 * Opens no connection: library and models are read from disk.
 */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import type { FaceDetector } from '@mediapipe/tasks-vision';
import type { Candidate } from './candidates.ts';
import { createCanvas } from './canvas.ts';
import { type Area, cut, type Picture } from './picture.ts';

const PACKAGE = new URL('./', pathToFileURL(createRequire(import.meta.url).resolve('@mediapipe/tasks-vision')));
const WASM = 'wasm/vision_wasm_module_internal';
/** The library drops what is behind the point of a box's numbers, half a pixel of each in the mean: 3 % of a face of 16 pixels. */
const DROPPED_PX = 0.5;
/** Boxes that overlap by more than this are one detection, intersection over union. */
const MIN_SUPPRESSION = 0.3;

/**
 * How V8 compiles the 11 MB of WebAssembly, of which a look runs a small part. Without lazy validation all of it is checked
 * first, 60 ms of CPU. A function is compiled anew by the optimising compiler when it has used up its budget, about the bytes
 * that it ran: with V8's own budget hundreds of functions that run now and then are, 0.6 s of CPU; with this one the kernels of
 * the models alone, within the first two looks.
 */
const COMPILED_WITH = ['--wasm-lazy-validation', '--wasm-tiering-budget=200000000'];
/**
 * Has the optimising compiler join 128-bit operations to 256-bit ones, where the CPU has AVX2: a pass of a model takes a third
 * less, with the same results to the bit. It stays set, because the compiler reads it when it compiles a kernel, some looks
 * after the start. V8 knows this name on x64 alone.
 */
const WIDE_VECTORS = '--experimental-wasm-revectorize';
/** What the flags of `COMPILED_WITH` are in Node 24 by default. */
const AS_BEFORE = ['--no-wasm-lazy-validation', '--wasm-tiering-budget=13000000'];

export interface Model {
  readonly file: 'face_detection_short_range.tflite' | 'face_detection_full_range.tflite';
  /** Score from which it reports a face. */
  readonly minScore: number;
}

/** What a model sees in one part of a picture; boxes in pixels of the whole picture. */
export type Detect = (whole: Picture, part: Area) => Candidate[];

/** The part that is used of https://webassembly.github.io/spec/js-api/, for which Node's types have names alone. */
declare const WebAssembly: {
  Module: new (code: Uint8Array) => object;
  Instance: new (module: object, imports: object) => object;
};
type ModuleFactory = (settings: object) => Promise<unknown>;

let compiled: Promise<{ factory: ModuleFactory; module: object }> | undefined;

/** A detector of its own memory; the code of all detectors of a thread is compiled once. */
export async function loadDetector({ file, minScore }: Model): Promise<Detect> {
  compiled ??= compile();
  const { factory, module } = await compiled;
  const { FaceDetector } = await import('@mediapipe/tasks-vision');
  // Each detector consumes the factory: https://emscripten.org/docs/api_reference/module.html#Module.instantiateWasm
  (globalThis as Record<string, unknown>).ModuleFactory = (settings: object) =>
    factory({
      ...settings,
      instantiateWasm(imports: object, done: (instance: object, module: object) => void) {
        done(new WebAssembly.Instance(module, imports), module);
        return {};
      },
    });
  const detector = await FaceDetector.createFromOptions(
    { wasmLoaderPath: '', wasmBinaryPath: '' },
    {
      baseOptions: {
        modelAssetBuffer: readFileSync(new URL(`./models/${file}`, import.meta.url)),
        delegate: 'CPU',
      },
      canvas: createCanvas() as never,
      runningMode: 'IMAGE',
      minDetectionConfidence: minScore,
      minSuppressionThreshold: MIN_SUPPRESSION,
    },
  );
  return (whole, part) => detect(detector, whole, part);
}

async function compile() {
  const global = globalThis as Record<string, unknown>;
  global.self = globalThis;
  global.WebGLRenderingContext = class {};
  global.WebGL2RenderingContext = class {};
  const { default: factory } = (await import(new URL(`${WASM}.js`, PACKAGE).href)) as { default: ModuleFactory };
  const code = readFileSync(new URL(`${WASM}.wasm`, PACKAGE));
  // Flags are the whole process's; the module keeps what it was made with. V8 refuses cached code made under other flags.
  for (const flag of COMPILED_WITH) setFlagsFromString(flag);
  if (process.arch === 'x64') setFlagsFromString(WIDE_VECTORS);
  try {
    return { factory, module: new WebAssembly.Module(code) };
  } finally {
    for (const flag of AS_BEFORE) setFlagsFromString(flag);
  }
}

function detect(detector: FaceDetector, whole: Picture, part: Area): Candidate[] {
  const { detections } = detector.detect(cut(whole, part) as never);
  return detections.flatMap(({ boundingBox, categories, keypoints }): Candidate[] => {
    if (!boundingBox) return [];
    const [rightEye, leftEye] = keypoints;
    const { originX, originY, width, height } = boundingBox;
    return [
      {
        ...{ left: part.left + originX + DROPPED_PX, top: part.top + originY + DROPPED_PX },
        ...{ width: width + DROPPED_PX, height: height + DROPPED_PX },
        score: categories[0]?.score ?? 0,
        eyesY: part.top + (((rightEye?.y ?? 0) + (leftEye?.y ?? 0)) / 2) * part.height,
      },
    ];
  });
}
