/**
 * Makes the models that the face thread loads: MediaPipe's own, with the metadata that the task insists on.
 *
 *     node tools/make-models.ts
 *
 * A .tflite file is a flatbuffer whose offsets all point forward, so a new front part (root table and the two vectors
 * that grow) can stand before the old file without touching it: https://flatbuffers.dev/internals/. The schemas are
 * TensorFlow's schema.fbs and metadata_schema.fbs; field numbers below are theirs.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { Builder, ByteBuffer } from 'flatbuffers';

const SOURCE = new URL('../node_modules/@mediapipe/face_detection/', import.meta.url);
export const MODELS = ['face_detection_short_range.tflite', 'face_detection_full_range.tflite'] as const;

/** Old buffers are aligned to 16 bytes at most; whole multiples of 64 keep every alignment. */
const ALIGNMENT = 64;
/** Both models take RGB in -1 to 1. */
const NORMALIZATION = { mean: 127.5, std: 127.5 };
const [VERSION, OPERATOR_CODES, SUBGRAPHS, DESCRIPTION, BUFFERS, METADATA] = [0, 1, 2, 3, 4, 6];
const UINT32 = 4;

export function readPackagedModel(name: string): Buffer {
  return readFileSync(new URL(name, SOURCE));
}

/** The model with a buffer "TFLITE_METADATA" that holds a ModelMetadata table. */
export function withMetadata(model: Uint8Array): Uint8Array {
  const old = new ByteBuffer(model);
  const root = old.readInt32(0);
  const field = (number: number) => old.__offset(root, 4 + 2 * number);
  const target = (number: number) => {
    const at = root + field(number);
    return at + old.readInt32(at);
  };
  const oldBuffers = target(BUFFERS);
  const bufferCount = old.readInt32(oldBuffers);
  if (field(METADATA) !== 0) throw new Error('the model already carries metadata');

  // The front part is built once with empty offsets to learn its length, then the offsets are filled in.
  const blob = modelMetadata();
  const front = layOut(bufferCount + 1, blob);
  const moved = (position: number) => position + front.bytes.length;
  const view = new DataView(front.bytes.buffer);
  const point = (from: number, to: number) => view.setUint32(from, to - from, true);
  view.setUint32(front.version, old.readInt32(root + field(VERSION)), true);
  point(front.operatorCodes, moved(target(OPERATOR_CODES)));
  point(front.subgraphs, moved(target(SUBGRAPHS)));
  point(front.description, moved(target(DESCRIPTION)));
  for (let index = 0; index < bufferCount; index += 1) {
    const entry = oldBuffers + UINT32 * (1 + index);
    point(front.buffers + UINT32 * (1 + index), moved(entry + old.readInt32(entry)));
  }
  return Buffer.concat([front.bytes, model]);
}

/** ModelMetadata: one subgraph, whose input is an RGB picture normalised as above. */
function modelMetadata(): Uint8Array {
  const builder = new Builder(512);
  const vector = (offsets: number[]) => {
    builder.startVector(UINT32, offsets.length, UINT32);
    for (const offset of offsets.toReversed()) builder.addOffset(offset);
    return builder.endVector();
  };
  const float = (value: number) => {
    builder.startVector(UINT32, 1, UINT32);
    builder.addFloat32(value);
    return builder.endVector();
  };
  const mean = float(NORMALIZATION.mean);
  const std = float(NORMALIZATION.std);
  const table = (fields: number, fill: () => void) => {
    builder.startObject(fields);
    fill();
    return builder.endObject();
  };
  const normalization = table(2, () => {
    builder.addFieldOffset(0, mean, 0);
    builder.addFieldOffset(1, std, 0);
  });
  const processUnit = table(2, () => {
    builder.addFieldInt8(0, 1, 0); // ProcessUnitOptions.NormalizationOptions
    builder.addFieldOffset(1, normalization, 0);
  });
  const imageProperties = table(1, () => builder.addFieldInt8(0, 1, 0)); // ColorSpaceType.RGB
  const content = table(3, () => {
    builder.addFieldInt8(0, 2, 0); // ContentProperties.ImageProperties
    builder.addFieldOffset(1, imageProperties, 0);
  });
  const units = vector([processUnit]);
  const tensor = table(7, () => {
    builder.addFieldOffset(3, content, 0);
    builder.addFieldOffset(4, units, 0);
  });
  const inputs = vector([tensor]);
  const subgraph = table(7, () => builder.addFieldOffset(2, inputs, 0));
  const subgraphs = vector([subgraph]);
  const root = table(8, () => builder.addFieldOffset(3, subgraphs, 0));
  builder.finish(root, 'M001');
  return builder.asUint8Array();
}

/** The new front: Model table, `buffers` with one more Buffer, `metadata` with one Metadata. Offsets still empty. */
function layOut(buffers: number, blob: Uint8Array) {
  const bytes: number[] = [];
  const u16 = (value: number) => bytes.push(value & 0xff, value >> 8);
  const u32 = (value: number) => {
    u16(value & 0xffff);
    u16(value >>> 16);
    return bytes.length - UINT32;
  };
  const align = (to: number) => {
    while (bytes.length % to !== 0) bytes.push(0);
  };
  const point = (from: number, to: number) => {
    const offset = to - from;
    for (let byte = 0; byte < UINT32; byte += 1) bytes[from + byte] = (offset >>> (8 * byte)) & 0xff;
  };
  const vtable = (size: number, slots: number[]) => {
    align(UINT32);
    const at = bytes.length;
    u16(4 + 2 * slots.length);
    u16(size);
    for (const slot of slots) u16(slot);
    align(UINT32);
    return at;
  };
  const table = (vtableAt: number) => {
    const at = bytes.length;
    u32(at - vtableAt);
    return at;
  };

  const rootOffset = u32(0);
  bytes.push(...Buffer.from('TFL3', 'latin1'));
  // Model: version, operator_codes, subgraphs, description, buffers, (metadata_buffer), metadata.
  const model = table(vtable(28, [4, 8, 12, 16, 20, 0, 24]));
  point(rootOffset, model);
  const version = u32(0);
  const operatorCodes = u32(0);
  const subgraphs = u32(0);
  const description = u32(0);
  const toBuffers = u32(0);
  const toMetadata = u32(0);

  const buffersAt = u32(buffers);
  point(toBuffers, buffersAt);
  const entries = Array.from({ length: buffers }, () => u32(0));
  const metadataAt = u32(1);
  point(toMetadata, metadataAt);
  const toEntry = u32(0);

  // Metadata: name, index of its buffer.
  const entry = table(vtable(12, [4, 8]));
  point(toEntry, entry);
  const toName = u32(0);
  u32(buffers - 1);
  point(toName, bytes.length);
  const name = Buffer.from('TFLITE_METADATA', 'latin1');
  u32(name.length);
  bytes.push(...name, 0);

  // Buffer: data, which TensorFlow wants aligned to 16 bytes.
  const buffer = table(vtable(8, [4]));
  point(entries.at(-1) ?? 0, buffer);
  const toData = u32(0);
  while ((bytes.length + UINT32) % 16 !== 0) bytes.push(0);
  point(toData, bytes.length);
  u32(blob.length);
  bytes.push(...blob);
  align(ALIGNMENT);
  return { bytes: Uint8Array.from(bytes), version, operatorCodes, subgraphs, description, buffers: buffersAt };
}

if (import.meta.main) {
  for (const name of MODELS)
    writeFileSync(new URL(`../src/faces/models/${name}`, import.meta.url), withMetadata(readPackagedModel(name)));
}
