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

describe('an AVIF file with alpha', () => {
  const alpha = stream(DELIMITER, HEADER, [0x32, 0x02, 9, 9]);
  const file = avifFile({ width: 600, height: 399, stream: stream(DELIMITER, HEADER, FRAME), alpha });
  const meta = inside(boxesIn(file), 'meta', 4);
  const body = (type: string) => meta.find((box) => box.type === type)?.body ?? Buffer.alloc(0);

  it('has a second picture, which is said to be the alpha of the first', () => {
    assert.equal(body('pitm').readUInt16BE(4), 1);
    const [entries] = [inside(meta, 'iinf', 6)];
    assert.deepEqual(
      entries.map((entry) => [entry.body.readUInt16BE(4), entry.body.toString('latin1', 8, 12)]),
      [
        [1, 'av01'],
        [2, 'av01'],
      ],
    );
    const [reference] = inside(meta, 'iref', 4);
    assert.equal(reference?.type, 'auxl');
    // From item 2, one reference, to item 1.
    assert.equal(reference?.body.toString('hex'), '000200010001');
    const properties = inside(inside(meta, 'iprp'), 'ipco');
    const auxiliary = properties.find(({ type }) => type === 'auxC')?.body.toString('latin1', 4);
    assert.equal(auxiliary, 'urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0');
    const ofAlpha = inside(meta, 'iprp')
      .find(({ type }) => type === 'ipma')
      ?.body.subarray(-6);
    const numbers = [...(ofAlpha ?? [])].slice(1).map((each) => properties[(each & 0x7f) - 1]?.type);
    assert.deepEqual(numbers.slice(-4), ['ispe', 'pixi', 'av1C', 'auxC']);
    // One channel: MIAF has alpha without colours.
    const own = [...(ofAlpha ?? [])].slice(-4).map((each) => properties[(each & 0x7f) - 1]!.body);
    assert.equal(own[1]?.toString('hex', 4), '0108');
    assert.equal(own[2]![2]! & 0x10, 0x10);
  });

  it('says where both streams lie', () => {
    const iloc = body('iloc');
    assert.equal(iloc.readUInt16BE(6), 2);
    const places = [8, 22].map((at) => [iloc.readUInt32BE(at + 6), iloc.readUInt32BE(at + 10)] as const);
    const parts = places.map(([at, length]) => file.subarray(at, at + length));
    assert.deepEqual(parts, [stream(HEADER, FRAME), stream(HEADER, [0x32, 0x02, 9, 9])]);
    assert.equal(places[1]![0] + places[1]![1], file.length);
  });
});
