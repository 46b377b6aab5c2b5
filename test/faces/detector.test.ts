import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { cachedDataVersionTag, setFlagsFromString } from 'node:v8';
import { type Detect, loadDetector } from '../../src/faces/detector.ts';
import { ASTRONAUT_FACE, astronaut, coffee, probeOf } from '../helpers/faces.ts';

const run = promisify(execFile);
const wasm = Reflect.get(globalThis, 'WebAssembly') as { Module: new (code: Uint8Array) => object };
const flagsBefore = cachedDataVersionTag();
const detectors: Detect[] = [];
let compilations = 0;

before(async () => {
  const { Module } = wasm;
  wasm.Module = class extends Module {
    constructor(code: Uint8Array) {
      super(code);
      compilations += 1;
    }
  };
  for (const file of ['face_detection_short_range.tflite', 'face_detection_full_range.tflite'] as const)
    detectors.push(await loadDetector({ file, minScore: 0.5 }));
  wasm.Module = Module;
});

async function pictureOf(photo: Buffer) {
  const { data, width, height } = await probeOf(photo);
  const picture = { data: new Uint8ClampedArray(data), width, height };
  return { picture, all: { left: 0, top: 0, width, height } };
}

describe('the detectors', () => {
  it('see the astronaut, and nobody in a cup of coffee', async () => {
    const { picture, all } = await pictureOf(astronaut);
    const cup = await pictureOf(coffee);
    for (const detect of detectors) {
      const [face, ...others] = detect(picture, all);
      assert.deepEqual(others, []);
      assert.ok(face && face.score > 0.8);
      assert.ok(Math.abs(face.left + face.width / 2 - (ASTRONAUT_FACE.left + ASTRONAUT_FACE.width / 2)) < 15);
      assert.deepEqual(detect(cup.picture, cup.all), []);
    }
  });

  it('tell in pixels of the whole picture what they see in a part of it', async () => {
    const { picture, all } = await pictureOf(astronaut);
    const part = { left: 100, top: 20, width: 260, height: 220 };
    for (const detect of detectors) {
      const [inAll, inPart] = [detect(picture, all)[0], detect(picture, part)[0]];
      assert.ok(inAll && inPart);
      for (const edge of ['left', 'top', 'width', 'height', 'eyesY'] as const)
        assert.ok(Math.abs(inAll[edge] - inPart[edge]) < 20, `${edge}: ${inAll[edge]}, ${inPart[edge]}`);
    }
  });

  // The library's numbers are whole because it drops the rest, which is half a pixel in the mean.
  it('tell the middle of the pixels in which a box begins and ends', async () => {
    const { picture, all } = await pictureOf(astronaut);
    for (const detect of detectors) {
      const [face] = detect(picture, all);
      assert.ok(face);
      assert.deepEqual([face.left % 1, face.top % 1, face.width % 1, face.height % 1], [0.5, 0.5, 0.5, 0.5]);
    }
  });

  it('share the code, which is compiled once', () => {
    assert.equal(detectors.length, 2);
    assert.equal(compilations, 1);
  });

  // Else V8 refuses code that was cached under the flags of the process: the tag is a hash of version and flags.
  it('leave the flags of the process as they were, but for the width of vectors', () => {
    if (process.arch === 'x64') setFlagsFromString('--no-experimental-wasm-revectorize');
    assert.equal(cachedDataVersionTag(), flagsBefore);
  });

  it('see the same with wide vectors as without, to the bit', async () => {
    const script = new URL('../helpers/detections.ts', import.meta.url).pathname;
    const seen = async (vectors: string) =>
      (await run(process.execPath, [script, vectors])).stdout.split('\n').at(-1) ?? '';
    const [wide, narrow] = await Promise.all([seen('wide'), seen('narrow')]);
    assert.match(wide, /"score":0\.\d/);
    assert.equal(wide, narrow);
  });
});
