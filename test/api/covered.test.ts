import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import type { Renderer } from '../../src/render/render.ts';
import { gridFile } from '../helpers/heic-files.ts';
import { API_TOKEN, type Machine, machinesOver } from '../helpers/machines.ts';
import { until } from '../helpers/turns.ts';

/** What a shop covered is in no rendition, however it is made, kept or found. */

const ID = 'car.jpg';
/** Where the plate is, with none of it outside. */
const PLATE = { x: 0.4, y: 0.55, width: 0.25, height: 0.15 };

/** A green picture, grained as photos are, with a plate in another colour. */
async function car(width: number, height: number, plate: readonly [number, number, number] = [224, 16, 16]) {
  const data = Buffer.alloc(width * height * 3);
  const [right, bottom] = [(PLATE.x + PLATE.width) * width, (PLATE.y + PLATE.height) * height];
  for (let y = 0, at = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1, at += 3) {
      const inside = x >= PLATE.x * width && y >= PLATE.y * height && x + 1 <= right && y + 1 <= bottom;
      const grain = ((x * 7919 + y * 104_729 + ((x * y) % 31) * 613) % 17) - 8;
      const colour = inside ? plate : [32 + grain, 160 + grain, 32 + grain];
      for (const channel of [0, 1, 2]) data[at + channel] = colour[channel]!;
    }
  return sharp(data, { raw: { width, height, channels: 3 } });
}

/** Pixels that are redder than green, of all frames. */
async function redIn(body: Buffer): Promise<number> {
  const { data, info } = await sharp(body, { animated: true })
    .flatten({ background: '#20a020' })
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  let red = 0;
  for (let at = 0; at < data.length; at += info.channels) if (data[at]! > data[at + 1]! + 48) red += 1;
  return red;
}

const definitions = {
  thumb: { width: 150, height: 150, fit: 'cover', format: 'webp', formats: ['jpeg', 'avif', 'png'] },
  seen: { width: 320, height: 100, fit: 'cover', gravity: 'attention', format: 'jpeg' },
  medium: { width: 600, height: 600, format: 'webp', widths: [200, 1000], formats: ['jpeg', 'avif', 'png'] },
  large: { width: 1400, height: 1400, format: 'jpeg' },
  own: { width: 4000, height: 4000, format: 'jpeg', formats: ['png'], lossless: 'auto' },
  blurred: { width: 400, height: 400, format: 'png', blur: 12 },
  margin: { width: 400, height: 400, fit: 'contain', margin: 10, format: 'png', background: '#20a020' },
  padded: { width: 400, height: 200, fit: 'pad', background: 'blur', format: 'jpeg' },
  turned: { width: 300, height: 200, fit: 'cover', rotate: 90, flip: 'horizontal', gravity: 'south', format: 'jpeg' },
  wide: { width: 300, height: 300, gamut: 'p3', format: 'webp' },
  trimmed: { width: 300, height: 300, trim: true, format: 'jpeg' },
  moving: { width: 200, height: 200, animated: true, format: 'webp' },
};
/** Each way in which a rendition is made. */
const FEW = ['thumb', 'seen', 'medium', 'blurred', 'margin', 'padded', 'turned', 'wide', 'moving'];
const PATHS = [
  ...[...FEW, 'thumb@2x', 'thumb@3x.jpeg', 'thumb.avif', 'thumb.png', 'seen@2x', 'medium@200w', 'medium@1000w.jpeg'],
  ...['medium.avif', 'large', 'own', 'own.png', 'turned@2x', 'trimmed'],
];

async function patch(machine: Machine, id: string, edit: object): Promise<void> {
  const answer = await fetch(`${machine.baseUrl}/v1/images/${encodeURIComponent(id)}`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${API_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(edit),
  });
  assert.equal(answer.status, 200, await answer.text());
}

const bodyOf = async (answer: Response) => Buffer.from(await answer.arrayBuffer());
async function seen(machine: Machine, path: string, id = ID): Promise<Buffer> {
  const answer = await machine.ask(path, id);
  assert.equal(answer.status, 200, path);
  return bodyOf(answer);
}

describe('a covered part', () => {
  const originals = async () => ({
    [ID]: await (await car(1300, 1000)).jpeg({ progressive: true, quality: 95 }).toBuffer(),
    'tiny.png': await (await car(40, 30)).png().toBuffer(),
    'alpha.png': await (await car(700, 500)).ensureAlpha(0.8).png().toBuffer(),
    'p3.jpg': await (await car(900, 700)).withIccProfile('p3').jpeg({ quality: 95 }).toBuffer(),
    'turned.jpg': await sharp(await (await car(800, 600)).rotate(270).png().toBuffer())
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 95 })
      .toBuffer(),
    'moving.webp': await sharp(
      Buffer.concat([
        await (await car(160, 120)).removeAlpha().raw().toBuffer(),
        await (await car(160, 120)).removeAlpha().raw().toBuffer(),
      ]),
      { raw: { width: 160, height: 240, channels: 3, pageHeight: 120 } },
    )
      .webp({ lossless: true, delay: [90, 90] })
      .toBuffer(),
  });

  it('is in no rendition, at no size, in no format, of no kind of original', async () => {
    const pictures = await originals();
    const { start, results } = machinesOver(pictures, { definitions });
    const machine = await start();
    for (const id of Object.keys(pictures)) {
      assert.ok((await redIn(await seen(machine, 'medium', id))) > 0, `${id} has a plate`);
      await patch(machine, id, { redact: [PLATE] });
      for (const path of id === ID ? PATHS : FEW)
        assert.equal(await redIn(await seen(machine, path, id)), 0, `${id} ${path}`);
      await machine.saved();
    }
    // Neither renditions nor proxy images.
    assert.ok(results.made().length > 50);
    for (const key of results.made()) assert.equal(await redIn(results.objects.get(key)!.body), 0, key);
  });

  it('has no part in any pixel beside it: two originals that differ in it alone look the same', async () => {
    const [left, right] = ['one.png', 'other.png'];
    const { start } = machinesOver(
      {
        [left]: await (await car(640, 480)).png().toBuffer(),
        [right]: await (await car(640, 480, [250, 250, 255])).png().toBuffer(),
      },
      { definitions },
    );
    const machine = await start();
    for (const id of [left, right]) await patch(machine, id, { redact: [PLATE] });
    const pixels = async (path: string, id: string) =>
      sharp(await seen(machine, path, id))
        .raw()
        .toBuffer();
    for (const path of FEW.filter((each) => each !== 'moving')) {
      // Where libvips finds attention depends on all that is there, and so does the window.
      if (path === 'seen') continue;
      const [one, other] = [await pixels(path, left), await pixels(path, right)];
      assert.ok(one.equals(other), path);
    }
  });

  it('stays covered when the picture is turned, flipped and cropped, before or afterwards', async () => {
    const pictures = await originals();
    const { start } = machinesOver(pictures, { definitions });
    const machine = await start();
    const edits = [
      { redact: [PLATE], rotate: 90 },
      { flip: 'vertical', focus: { x: 0.4, y: 0.5 } },
      { rotate: 270, flip: 'both', crop: { x: 0.2, y: 0.3, width: 0.6, height: 0.5 }, focus: null },
      // Across an edge of the box.
      { rotate: null, flip: null, crop: { x: 0.5, y: 0.5, width: 0.4, height: 0.5 } },
    ];
    for (const edit of edits)
      for (const id of ['turned.jpg', 'alpha.png']) {
        await patch(machine, id, edit);
        for (const path of FEW)
          assert.equal(await redIn(await seen(machine, path, id)), 0, `${id} ${path} ${JSON.stringify(edit)}`);
      }
  });

  it('is covered on each machine after the window, whatever it held: renditions, pixels, proxy images', async () => {
    const { start, results, passWindow } = machinesOver(await originals(), { definitions });
    const [a, b] = [await start(), await start()];
    for (const path of ['large', 'medium', 'thumb']) assert.ok((await redIn(await seen(b, path))) > 0);
    await b.saved();
    assert.ok(b.decodes.entries > 0);
    await patch(a, ID, { redact: [PLATE] });
    passWindow();
    for (const machine of [b, a, await start()])
      for (const path of FEW) assert.equal(await redIn(await seen(machine, path)), 0, path);
    await Promise.all([a.saved(), b.saved()]);
    for (const key of results.made()) assert.equal(await redIn(results.objects.get(key)!.body), 0, key);
    // And shows again where the shop says so.
    await patch(b, ID, { redact: null });
    assert.ok((await redIn(await seen(b, 'medium'))) > 0);
  });

  it('is in nothing made of a picture that a decoder of its own reads, and no proxy image of that is stored', async () => {
    const id = 'phone.heic';
    const { start, results } = machinesOver({ [id]: gridFile({ columns: 4, rows: 3 }) }, { definitions });
    const machine = await start();
    await patch(machine, id, { redact: [{ x: 0, y: 0, width: 1, height: 1 }], rotate: 90 });
    await machine.meta([id]);
    for (const path of ['medium', 'thumb', 'large', 'trimmed', 'own']) {
      const { channels } = await sharp(await seen(machine, path, id)).stats();
      assert.ok(
        channels.slice(0, 3).every(({ max }) => max < 4),
        path,
      );
    }
    const { width, height } = await sharp(await seen(machine, 'medium', id)).metadata();
    assert.deepEqual([width, height], [450, 600]);
    await machine.saved();
    assert.deepEqual(
      results.made().filter((key) => key.includes('/working-')),
      [],
    );
    assert.equal(results.made().length, 5);
  });

  it('is covered where its first edit came while it was rendered, and nothing of before is kept', async () => {
    const [begun, open] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const wrapRenderer = (real: Renderer): Renderer => ({
      ...real,
      async render(...job) {
        begun.resolve();
        await open.promise;
        return real.render(...job);
      },
    });
    const { start, results } = machinesOver(await originals(), { definitions });
    const machine = await start({ wrapRenderer });
    const asked = seen(machine, 'medium');
    await begun.promise;
    await patch(machine, ID, { redact: [PLATE] });
    open.resolve();
    assert.equal(await redIn(await asked), 0);
    await machine.saved();
    for (const key of results.made()) assert.equal(await redIn(results.objects.get(key)!.body), 0, key);
  });

  it('shows in no stand-in of another size while there is no slot', async () => {
    let hold: Promise<void> | undefined;
    const wrapRenderer = (real: Renderer): Renderer => ({
      ...real,
      async render(...job) {
        await hold;
        return real.render(...job);
      },
    });
    const { start } = machinesOver(await originals(), { definitions: { ...definitions, hidden: HIDDEN } });
    const machine = await start({ wrapRenderer, slots: 1, waiting: 1, waitTimeoutMs: 600_000 });
    assert.ok((await redIn(await seen(machine, 'medium'))) > 0);
    const gate = Promise.withResolvers<void>();
    hold = gate.promise;
    // One in the slot, one in the queue: there is no place for a third.
    const busy = [machine.ask('large', 'alpha.png'), machine.ask('large', 'p3.jpg')];
    await until(() => machine.queue.waiting === 1 && machine.queue.running === 1);
    const standIn = await machine.ask('medium@200w', ID);
    assert.match(standIn.headers.get('cache-status') ?? '', /nearest/);
    // A recipe that covers a box never takes a stand-in of one that does not, nor does any of an epoch that is over.
    assert.equal((await machine.ask('hidden@200w', ID)).status, 503);
    await patch(machine, ID, { redact: [PLATE] });
    assert.equal((await machine.ask('medium@200w', ID)).status, 503);
    gate.resolve();
    await Promise.all(busy);
    assert.equal(await redIn(await seen(machine, 'medium@200w')), 0);
  });
});

const HIDDEN = {
  ...{ width: 600, height: 600, format: 'webp', widths: [200, 1000] },
  redact: { boxes: [PLATE] },
} as const;
