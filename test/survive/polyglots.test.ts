import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import { stripMetadata } from '../../src/render/formats/strip-metadata.ts';
import { startApp, type TestApp } from '../helpers/app.ts';
import { box } from '../helpers/avif-bombs.ts';
import { pngChunk, riffChunk } from '../helpers/bombs.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { letterF, withSegment } from '../helpers/pictures.ts';
import { rawGet } from '../helpers/raw-http.ts';
import { startFaultyServer } from '../helpers/tcp-faults.ts';

const FORMATS = ['jpeg', 'png', 'webp', 'gif', 'avif'] as const;
type Format = (typeof FORMATS)[number];
const photo = () => sharp(letterF(90, 60), { raw: { width: 90, height: 60, channels: 3 } });
const valid = Object.fromEntries(
  await Promise.all(
    FORMATS.map(async (format) => [format, await photo().toFormat(format, { quality: 30 }).toBuffer()]),
  ),
) as Record<Format, Buffer>;

const originals = createMemoryStore();
let app: TestApp;
let canary: Awaited<ReturnType<typeof startFaultyServer>>;
before(async () => {
  app = await startApp({ originals: originals.store });
  canary = await startFaultyServer((socket) => socket.end());
});
after(async () => {
  await app.dispose();
  await canary.dispose();
});

let count = 0;
async function serve(body: Buffer, preset: string, extension = 'jpg') {
  count += 1;
  const id = `polyglot-${count}.${extension}`;
  originals.objects.set(id, { body, contentType: 'image/jpeg', cacheControl: undefined, metadata: {} });
  const answer = await rawGet(app.baseUrl, app.path(preset, id));
  originals.objects.delete(id);
  return answer;
}

const SCRIPT = Buffer.from('<html><script>alert("TAIL")</script>');
const ZIP = Buffer.from('PK\x03\x04 TAIL PK\x05\x06 TAIL', 'latin1');
const PDF = Buffer.from('%PDF-1.7 TAIL %%EOF');
/** Each output a file may come out as without its pixels being coded anew, and others. */
const PRESETS = ['w_90,f_jpeg,q_95', 'w_90,f_png', 'w_90,f_webp,q_95', 'w_90,f_avif', 'w_90,a_1,f_webp', 'thumb'];

describe('polyglots', () => {
  for (const format of FORMATS) {
    it(`${format} with something else behind or inside: 422, or a picture without it, whatever is asked for`, async (t) => {
      const file = valid[format];
      const hidden: Buffer[] = [SCRIPT, ZIP, PDF].map((tail) => Buffer.concat([file, tail]));
      if (format === 'jpeg') {
        for (const marker of [0xfe, 0xe1, 0xe0, 0xed, 0xee, 0xef]) hidden.push(withSegment(file, marker, SCRIPT));
        hidden.push(withSegment(file, 0xee, Buffer.concat([Buffer.from('Adobe\0d\0\0\0\0\x01', 'latin1'), SCRIPT])));
      }
      if (format === 'png') {
        for (const type of ['tEXt', 'zTXt', 'prVt', 'eXIf'])
          hidden.push(Buffer.concat([file.subarray(0, 33), pngChunk(type, SCRIPT), file.subarray(33)]));
      }
      if (format === 'webp') hidden.push(withChunk(file));
      if (format === 'gif') hidden.push(withComment(file));
      if (format === 'avif') hidden.push(Buffer.concat([file, box('free', SCRIPT)]));
      let accepted = 0;
      for (const body of hidden) {
        assert.ok(body.includes('TAIL'));
        for (const preset of PRESETS) {
          const answer = await serve(body, preset);
          assert.ok([200, 422].includes(answer.status), `${answer.status}`);
          if (answer.status === 200) accepted += 1;
          assert.ok(!answer.body.includes('TAIL') && !answer.body.includes('<html'), preset);
          assert.equal(answer.headers['x-content-type-options'], 'nosniff');
        }
      }
      t.diagnostic(`${hidden.length * PRESETS.length} answers, ${accepted} of them pictures, none with the other part`);
      assert.ok(accepted > 0);
    });
  }

  it('that begin as something else are 422: a PDF, HTML, a script, PostScript, MVG before a picture', async () => {
    const heads = [
      '%PDF-1.7\n',
      '<html>',
      '#!/bin/sh\n',
      '%!PS-Adobe-3.0\n',
      'push graphic-context\n',
      'GIF89a=1;//',
      ' ',
    ];
    for (const head of heads) {
      for (const format of FORMATS) {
        const { status } = await serve(Buffer.concat([Buffer.from(head), valid[format]]), 'thumb');
        assert.equal(status, 422, `${head} ${format}`);
      }
    }
  });

  it('SVG of every make, under every name, is 422 and reaches nothing', async (t) => {
    const { url } = canary;
    const head =
      '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9">';
    const documents = [
      `${head}<image xlink:href="${url}a.png" width="9" height="9"/></svg>`,
      `${head}<use href="${url}b.svg#x"/><style>@import url(${url}c.css);</style></svg>`,
      `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY e SYSTEM "${url}d">]>${head}<text>&e;</text></svg>`,
      `<?xml version="1.0"?><!DOCTYPE svg SYSTEM "${url}e.dtd">${head}</svg>`,
      `<?xml-stylesheet href="${url}f.xsl" type="text/xsl"?>${head}</svg>`,
      `${head}<foreignObject><iframe src="${url}g"/></foreignObject><script href="${url}h"/></svg>`,
      `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>${head}&b;</svg>`,
    ];
    let tried = 0;
    for (const document of documents) {
      const utf16 = Buffer.from(`\ufeff${document}`, 'utf16le');
      for (const body of [Buffer.from(document), Buffer.from(`\ufeff  \n${document}`), utf16]) {
        for (const extension of ['svg', 'png', 'jpg']) {
          assert.equal((await serve(body, 'thumb', extension)).status, 422);
          tried += 1;
        }
      }
    }
    assert.equal(canary.connections(), 0);
    t.diagnostic(`${tried} tried, canary hit: ${canary.connections()}`);
  });
});

describe('the original’s own pixels', () => {
  it('never bring a tail along, nor anything between the parts that make the picture', () => {
    for (const format of ['jpeg', 'png', 'webp'] as const) {
      const file = valid[format];
      for (const body of [Buffer.concat([file, SCRIPT]), Buffer.concat([file, file, SCRIPT])]) {
        const kept = stripMetadata(body, format);
        assert.ok(kept && !kept.includes('TAIL') && kept.length <= file.length, format);
      }
    }
    const claims = Buffer.concat([valid.webp, SCRIPT]);
    claims.writeUInt32LE(claims.length - 8, 4);
    assert.ok(!stripMetadata(claims, 'webp')?.includes('TAIL'));
  });
});

describe('truncation', () => {
  for (const format of FORMATS) {
    it(`${format}, cut at every hundredth: 422, or the same bytes each time`, async (t) => {
      const file = await photo().toFormat(format).toBuffer();
      const accepted: number[] = [];
      for (let share = 0; share < 100; share += 1) {
        const body = file.subarray(0, Math.floor((file.length * share) / 100));
        const [first, second] = [await serve(body, 'w_60,f_webp'), await serve(body, 'w_60,f_webp')];
        assert.ok([200, 422].includes(first.status), `${share} %: ${first.status}`);
        assert.ok(first.status === second.status, `${share} %`);
        if (first.status !== 200) continue;
        assert.ok(first.body.equals(second.body), `${share} %`);
        accepted.push(share);
      }
      t.diagnostic(`accepted at ${accepted.join(', ') || 'no'} %`);
      // Half a picture must not be cached for a year: only what lacks no pixels may pass.
      assert.ok(
        accepted.every((share) => share > 95),
        `${accepted}`,
      );
    });
  }
});

function withChunk(webp: Buffer): Buffer {
  const chunk = riffChunk('ABCD', SCRIPT);
  const file = Buffer.concat([webp, chunk]);
  file.writeUInt32LE(file.length - 8, 4);
  return file;
}

function withComment(gif: Buffer): Buffer {
  const comment = Buffer.concat([Buffer.from([0x21, 0xfe, SCRIPT.length]), SCRIPT, Buffer.from([0])]);
  return Buffer.concat([gif.subarray(0, -1), comment, gif.subarray(-1)]);
}
