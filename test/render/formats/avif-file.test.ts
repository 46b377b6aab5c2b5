import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { avifFile } from '../../../src/render/formats/avif-file.ts';

/** A temporal delimiter, and a sequence header of the main profile, level 4, a still picture with a reduced header. */
const DELIMITER = [0x12, 0x00];
const HEADER = [0x0a, 0x07, 0x19, 0x26, 0x25, 0x7c, 0x70, 0x40, 0x10];
const FRAME = [0x32, 0x03, 1, 2, 3];
const stream = (...parts: number[][]) => Buffer.from(parts.flat());

interface Box {
  readonly type: string;
  readonly body: Buffer;
}

function boxesIn(bytes: Buffer): Box[] {
  const boxes: Box[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    assert.ok(length >= 8 && at + length <= bytes.length, `a box of ${length} bytes at ${at}`);
    boxes.push({ type: bytes.toString('latin1', at + 4, at + 8), body: bytes.subarray(at + 8, at + length) });
    at += length;
  }
  return boxes;
}

const inside = (boxes: Box[], type: string, skip = 0) =>
  boxesIn(boxes.find((box) => box.type === type)?.body.subarray(skip) ?? Buffer.alloc(0));

describe('an AVIF file', () => {
  const file = avifFile({ width: 600, height: 399, stream: stream(DELIMITER, HEADER, FRAME) });
  const boxes = boxesIn(file);
  const meta = inside(boxes, 'meta', 4);
  const properties = inside(inside(meta, 'iprp'), 'ipco');
  const property = (type: string) => properties.find((box) => box.type === type)?.body.toString('hex');

  it('has the boxes that a reader needs, 270 bytes of them', () => {
    assert.deepEqual(
      boxes.map(({ type }) => type),
      ['ftyp', 'meta', 'mdat'],
    );
    assert.equal(boxes[0]?.body.toString('latin1').replaceAll('\0', ''), 'avifavifmif1miafMA1B');
    assert.deepEqual(
      meta.map(({ type }) => type),
      ['hdlr', 'pitm', 'iloc', 'iinf', 'iprp'],
    );
    assert.equal(file.length - HEADER.length - FRAME.length, 270);
  });

  it('tells size, depth, codec and colour', () => {
    assert.equal(property('ispe'), '00000000000002580000018f');
    assert.equal(property('pixi'), '0000000003080808');
    // Main profile, level 4 of the header above, 4:2:0.
    assert.equal(property('av1C'), '81040c00');
    assert.equal(property('colr'), `${Buffer.from('nclx').toString('hex')}0001000d000680`);
  });

  it('says where its stream lies, which begins with the sequence header', () => {
    const iloc = meta.find(({ type }) => type === 'iloc')?.body as Buffer;
    const [at, length] = [iloc.readUInt32BE(14), iloc.readUInt32BE(18)];
    assert.deepEqual([...file.subarray(at, at + length)], [...HEADER, ...FRAME]);
    assert.equal(at + length, file.length);
  });

  it('is the same without a temporal delimiter', () => {
    assert.ok(file.equals(avifFile({ width: 600, height: 399, stream: stream(HEADER, FRAME) })));
  });

  it('is not made of anything else', () => {
    const moving = [0x0a, 0x07, 0x00, ...HEADER.slice(3)];
    const high = [0x0a, 0x07, 0x39, ...HEADER.slice(3)];
    for (const wrong of [stream(FRAME), stream(DELIMITER, moving, FRAME), stream(high, FRAME)])
      assert.throws(() => avifFile({ width: 16, height: 16, stream: wrong }), /not a still picture/);
    assert.throws(() => avifFile({ width: 16, height: 16, stream: Buffer.alloc(0) }));
  });
});
