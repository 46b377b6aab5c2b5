/**
 * Prints what both detectors see in a sample and its parts, after V8 has compiled their kernels with its optimising compiler; with
 * the argument `narrow` without vectors of 256 bits.
 */
import sharp from 'sharp';
import { loadDetector } from '../../src/faces/detector.ts';

const PASSES = 24;
const sample = new URL('../../samples/astronaut.jpg', import.meta.url).pathname;
const { data, info } = await sharp(sample).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
const picture = { data: new Uint8ClampedArray(data), width: info.width, height: info.height };
// Then the detector takes the machine for one on which V8 has no such vectors.
if (process.argv[2] === 'narrow') Object.defineProperty(process, 'arch', { value: 'other' });
const far = await loadDetector({ file: 'face_detection_full_range.tflite', minScore: 0.1 });
const near = await loadDetector({ file: 'face_detection_short_range.tflite', minScore: 0.1 });
const seen = Array.from({ length: PASSES }, (_, pass) => {
  const side = Math.round(info.width * (0.4 + 0.025 * pass));
  const part = { left: 0, top: 0, width: side, height: Math.min(side, info.height) };
  return [far(picture, part), near(picture, part)];
});
process.stdout.write(JSON.stringify(seen));
process.exit();
