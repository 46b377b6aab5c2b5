/**
 * MediaPipe's face detector without a browser: https://ai.google.dev/edge/mediapipe/solutions/vision/face_detector
 * Opens no connection: library and models are read from disk.
 */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { FaceDetector } from '@mediapipe/tasks-vision';
import type { Candidate } from './candidates.ts';
import { createCanvas } from './canvas.ts';
import { compileModule, machineCode } from './machine-code.ts';
import { type Area, cut, type Picture } from './picture.ts';

const PACKAGE = new URL('./', pathToFileURL(createRequire(import.meta.url).resolve('@mediapipe/tasks-vision')));
const WASM = 'wasm/vision_wasm_module_internal';
/** The library drops what is behind the point of a box's numbers, half a pixel of each in the mean: 3 % of a face of 16 pixels. */
const DROPPED_PX = 0.5;
/** Boxes that overlap by more than this are one detection, intersection over union. */
const MIN_SUPPRESSION = 0.3;

/** Machine code of an earlier run, beside the bundle alone. */
const SAVED_CODE = new URL('./faces.cache', import.meta.url);

export interface Model {
  readonly file: 'face_detection_short_range.tflite' | 'face_detection_full_range.tflite';
  /** Score from which it reports a face. */
  readonly minScore: number;
}

/** What a model sees in one part of a picture; boxes in pixels of the whole picture. */
export type Detect = (whole: Picture, part: Area) => Candidate[];

/** The part that is used of https://webassembly.github.io/spec/js-api/, for which Node's types have names alone. */
declare const WebAssembly: {
  Instance: new (module: object, imports: object) => object;
};
type ModuleFactory = (settings: object) => Promise<unknown>;

let compiled: ReturnType<typeof compile> | undefined;

/**
 * A detector of its own memory; the code of all detectors of a thread is compiled once, by what the first one says. `toSave`:
 * whether it is compiled for `codeToSave`.
 */
export async function loadDetector({ file, minScore }: Model, toSave = false): Promise<Detect> {
  compiled ??= compile(toSave);
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

async function compile(toSave: boolean) {
  const global = globalThis as Record<string, unknown>;
  global.self = globalThis;
  global.WebGLRenderingContext = class {};
  global.WebGL2RenderingContext = class {};
  const { default: factory } = (await import(new URL(`${WASM}.js`, PACKAGE).href)) as { default: ModuleFactory };
  return { factory, ...compileModule(readWasm(), SAVED_CODE, toSave) };
}

const readWasm = () => readFileSync(new URL(`${WASM}.wasm`, PACKAGE));

/** Machine code of what has run so far, for the file beside the bundle. V8 optimises in threads of its own: it grows until they end. */
export async function codeToSave(): Promise<Buffer | undefined> {
  return compiled && machineCode(readWasm(), (await compiled).module);
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
