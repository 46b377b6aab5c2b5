import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DETECTOR_VERSION, type Look, type Probe } from '../../src/faces/face.ts';
import type { FaceFinder } from '../../src/faces/finder.ts';
import { createWriteBehind } from '../../src/flow/write-behind.ts';
import { createOriginalMetadata } from '../../src/originals/metadata.ts';
import { createLocalRecords } from '../../src/originals/records/local-records.ts';
import { createOriginalRecords } from '../../src/originals/records/records.ts';
import { recordKey } from '../../src/renditions/keys.ts';
import { face, fixedFinder, heldFinder, saw } from '../helpers/faces.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';

const pixels: Probe = { data: Buffer.alloc(4), width: 1, height: 1 };
const probe = async () => pixels;
const SEEN = [face(0.1, 0.2, 0.3)];

function metadata(finder: FaceFinder | undefined, seed: Record<string, Buffer> = {}, withResults = true) {
  const results = createMemoryStore(seed);
  const saves = createWriteBehind({ maxBytes: 1_000_000, concurrency: 1, attempts: 1, retryDelayMs: 1 });
  const warnings: string[] = [];
  const looks: string[] = [];
  const warn = (what: string) => warnings.push(what);
  const onEpoch = () => {};
  const records = withResults
    ? createOriginalRecords({ results: results.store, saves, windowMs: 30_000, graceMs: 600_000, onEpoch, warn })
    : createLocalRecords({ onEpoch });
  const made = createOriginalMetadata({ finder, records, onLook: (outcome) => looks.push(outcome), warn });
  const faces = (id: string, look: () => Promise<Probe>) =>
    made.faces.see(id, made.epochOf(id), 'tiles', look).then((seen) => seen.faces);
  const json = (id: string) => JSON.parse(results.objects.get(recordKey(id))?.body.toString() ?? 'null');
  return { ...made, faces, results, warnings, looks, json, drain: () => saves.drain(60_000) };
}

describe('what is known about an original', () => {
  it('is looked up once, kept in memory and in the record, and read back elsewhere', async () => {
    const here = fixedFinder(SEEN);
    const first = metadata(here);
    await first.load('a/b.jpg');
    assert.deepEqual(await first.faces('a/b.jpg', probe), SEEN);
    assert.deepEqual(await first.faces('a/b.jpg', probe), SEEN);
    assert.equal(here.looks, 1);
    await first.drain();
    assert.deepEqual([...first.results.objects.keys()], ['a%2Fb.jpg/original.json']);
    const record = first.results.objects.get(recordKey('a/b.jpg'))?.body ?? assert.fail();
    assert.equal(JSON.parse(record.toString()).faces.length, 1);

    const there = fixedFinder([]);
    const second = metadata(there, { [recordKey('a/b.jpg')]: record });
    await second.load('a/b.jpg');
    assert.deepEqual(await second.faces('a/b.jpg', () => assert.fail('no pixels needed')), SEEN);
    assert.equal(there.looks, 0);
    await second.load('a/b.jpg');
    assert.deepEqual(
      second.results.calls.filter((call) => call.endsWith('/original.json')),
      ['get a%2Fb.jpg/original.json'],
    );
  });

  it('says that there is nobody as lastingly as that there is somebody', async () => {
    const empty = fixedFinder([]);
    const known = metadata(empty);
    assert.deepEqual([await known.faces('a', probe), await known.faces('a', probe)], [[], []]);
    await known.drain();
    assert.equal(empty.looks, 1);
    assert.equal(known.results.objects.size, 1);
    assert.deepEqual(known.looks, ['none']);
  });

  it('is looked for once by all who ask meanwhile', async () => {
    const looking = Promise.withResolvers<Look>();
    const slow = { ...fixedFinder([]), find: () => looking.promise };
    const known = metadata(slow);
    const both = [known.faces('a', probe), known.faces('a', () => assert.fail('a second look'))];
    looking.resolve(saw(SEEN));
    assert.deepEqual(await Promise.all(both), [SEEN, SEEN]);
    assert.deepEqual(known.looks, ['found']);
  });

  it('lets no render go on while its pixels are being taken: it frees them when it ends', async () => {
    const taking = Promise.withResolvers<Probe>();
    const records = createLocalRecords({ onEpoch: () => {} });
    const { faces } = createOriginalMetadata({ finder: heldFinder(), records, waitMs: 1, warn: () => {} });
    let went = false;
    const seen = faces
      .see('a', records.of('a'), 'tiles', () => taking.promise)
      .finally(() => {
        went = true;
      });
    await sleep(100);
    assert.equal(went, false);
    taking.resolve(pixels);
    assert.deepEqual(await seen, { faces: undefined, outcome: 'late' });
  });

  it('is not known after a look that failed, which is told once and tried again', async () => {
    let broken = true;
    const eyes = fixedFinder(SEEN);
    const known = metadata({
      ...eyes,
      find: async () => {
        if (broken) throw new Error('crashed');
        return saw(SEEN);
      },
    });
    assert.equal(await known.faces('a', probe), undefined);
    await known.drain();
    assert.deepEqual(
      [known.results.objects.size, known.warnings, known.looks],
      [0, ['faces could not be looked for'], ['failed']],
    );
    broken = false;
    assert.deepEqual(await known.faces('a', probe), SEEN);
  });

  it('leaves errors of the original to the original', async () => {
    const known = metadata(fixedFinder(SEEN));
    await assert.rejects(
      known.faces('a', () => Promise.reject(new Error('cut off'))),
      /cut off/,
    );
    assert.deepEqual([known.warnings, known.looks], [[], []]);
    assert.deepEqual(await known.faces('a', probe), SEEN);
  });

  const good = { version: 1, id: 'a', epoch: 0, detector: DETECTOR_VERSION, depth: 'tiles', faces: SEEN };
  const damaged: [what: string, body: string][] = [
    ['nothing', ''],
    ['cut off', JSON.stringify(good).slice(0, 30)],
    ['no object', 'null'],
    ['another version', JSON.stringify({ ...good, version: 2 })],
    ['no list', JSON.stringify({ ...good, faces: 'many' })],
    ['a face outside', JSON.stringify({ ...good, faces: [{ ...SEEN[0], left: 7 }] })],
    ['a face of words', JSON.stringify({ ...good, faces: [{ ...SEEN[0], width: '1' }] })],
    ['a face that is null', JSON.stringify({ ...good, faces: [null] })],
    ['a crowd', JSON.stringify({ ...good, faces: Array(1000).fill(SEEN[0]) })],
  ];
  for (const [what, body] of damaged) {
    it(`is found anew and replaced when the record holds ${what}: that counts as a purge`, async () => {
      const eyes = fixedFinder(SEEN);
      const known = metadata(eyes, { [recordKey('a')]: Buffer.from(body) });
      await known.load('a');
      assert.deepEqual(await known.faces('a', probe), SEEN);
      await known.drain();
      assert.equal(eyes.looks, 1);
      assert.deepEqual(known.warnings, ['the record of an original cannot be read, which counts as a purge']);
      assert.deepEqual(known.json('a'), { ...good, epoch: Number(known.epochOf('a')) });
      assert.ok(Number(known.epochOf('a')) > 0);
    });
  }

  it('is found anew when another detector found it, and nothing else is lost', async () => {
    const eyes = fixedFinder(SEEN);
    const old = { ...good, epoch: 3, sha256: 'ab'.repeat(32), detector: 'older', faces: [] };
    const known = metadata(eyes, { [recordKey('a')]: Buffer.from(JSON.stringify(old)) });
    await known.load('a');
    assert.deepEqual(await known.faces('a', probe), SEEN);
    await known.drain();
    assert.deepEqual([eyes.looks, known.warnings], [1, []]);
    assert.deepEqual(known.json('a'), { ...good, epoch: 3, sha256: 'ab'.repeat(32) });
  });

  it('is found anew when the record is out of reach, within bounded time', async () => {
    const eyes = fixedFinder(SEEN);
    const known = metadata(eyes);
    known.results.hold.get = () => Promise.reject(new Error('503'));
    await known.load('a');
    known.results.hold.get = () => new Promise(() => {});
    // Time-outs of signals keep no process alive; a server does.
    const alive = setInterval(() => {}, 1000);
    await known.load('a');
    clearInterval(alive);
    assert.equal(known.warnings.length, 2);
    assert.deepEqual(await known.faces('a', probe), SEEN);
  });

  it('keeps what the record says beside what was recorded while it was being read', async () => {
    const picture = { width: 4, height: 3, format: 'jpeg', frames: 1, dominantColor: '#102030', thumbhash: 'AA==' };
    const sha256 = 'ab'.repeat(32);
    const kept = Buffer.from(JSON.stringify({ version: 1, picture, sha256 }));
    const known = metadata(fixedFinder(SEEN), { [recordKey('a')]: kept });
    const held = Promise.withResolvers<void>();
    known.results.hold.get = () => held.promise;
    const loading = known.load('a');
    await known.faces('a', probe);
    held.resolve();
    await loading;
    const { faces, picture: kept_, uploaded } = known.known('a');
    assert.deepEqual([faces, kept_, uploaded], [{ tiles: SEEN }, picture, sha256]);
  });

  it('needs no store', async () => {
    const eyes = fixedFinder(SEEN);
    const known = metadata(eyes, {}, false);
    await known.load('a');
    assert.deepEqual([await known.faces('a', probe), await known.faces('a', probe), eyes.looks], [SEEN, SEEN, 1]);
  });

  it('is not asked for when faces are off', async () => {
    const known = metadata(undefined);
    assert.equal(await known.faces('a', () => assert.fail('no look')), undefined);
    assert.deepEqual([known.results.calls, known.looks], [[], []]);
  });
});
