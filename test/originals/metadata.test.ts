import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Face, Probe } from '../../src/faces/face.ts';
import type { FaceFinder } from '../../src/faces/finder.ts';
import { createWriteBehind } from '../../src/flow/write-behind.ts';
import { createOriginalMetadata } from '../../src/originals/metadata.ts';
import { createPurgeEpochs } from '../../src/renditions/purge-epochs.ts';
import { metadataKey } from '../../src/renditions/rendition.ts';
import { face, fixedFinder } from '../helpers/faces.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';

const never = new AbortController().signal;
const pixels: Probe = { data: Buffer.alloc(4), width: 1, height: 1 };
const probe = async () => pixels;
const SEEN = [face(0.1, 0.2, 0.3)];

function metadata(finder: FaceFinder | undefined, seed: Record<string, Buffer> = {}, withResults = true) {
  const results = createMemoryStore(seed);
  const saves = createWriteBehind({ maxBytes: 1_000_000, concurrency: 1, attempts: 1, retryDelayMs: 1 });
  const warnings: string[] = [];
  const looks: string[] = [];
  const made = createOriginalMetadata({
    ...{ finder, saves, epochs: createPurgeEpochs(), results: withResults ? results.store : undefined },
    onLook: (outcome) => looks.push(outcome),
    warn: (what) => warnings.push(what),
  });
  const faces = (id: string, look: () => Promise<Probe>) => made.faces(id, 0, look);
  return { ...made, faces, results, warnings, looks, drain: () => saves.drain(1000) };
}

describe('what is known about an original', () => {
  it('is looked up once, kept in memory and in the sidecar, and read back elsewhere', async () => {
    const here = fixedFinder(SEEN);
    const first = metadata(here);
    await first.load('a/b.jpg', never);
    assert.deepEqual(await first.faces('a/b.jpg', probe), SEEN);
    assert.deepEqual(await first.faces('a/b.jpg', probe), SEEN);
    assert.equal(here.looks, 1);
    await first.drain();
    assert.deepEqual([...first.results.objects.keys()], ['a%2Fb.jpg/original.json']);
    const sidecar = first.results.objects.get(metadataKey('a/b.jpg'))?.body ?? assert.fail();
    assert.equal(JSON.parse(sidecar.toString()).faces.length, 1);

    const there = fixedFinder([]);
    const second = metadata(there, { [metadataKey('a/b.jpg')]: sidecar });
    await second.load('a/b.jpg', never);
    assert.deepEqual(await second.faces('a/b.jpg', () => assert.fail('no pixels needed')), SEEN);
    assert.equal(there.looks, 0);
    await second.load('a/b.jpg', never);
    assert.equal(second.results.count('get'), 1);
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
    const looking = Promise.withResolvers<Face[]>();
    const slow = { ...fixedFinder([]), find: () => looking.promise };
    const known = metadata(slow);
    const both = [known.faces('a', probe), known.faces('a', () => assert.fail('a second look'))];
    looking.resolve(SEEN);
    assert.deepEqual(await Promise.all(both), [SEEN, SEEN]);
    assert.deepEqual(known.looks, ['found']);
  });

  it('is not known after a look that failed, which is told once and tried again', async () => {
    let broken = true;
    const eyes = fixedFinder(SEEN);
    const known = metadata({
      ...eyes,
      find: async () => {
        if (broken) throw new Error('crashed');
        return SEEN;
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

  const good = { version: 1, detector: 'blazeface-1', faces: SEEN };
  const damaged: [what: string, body: string][] = [
    ['nothing', ''],
    ['cut off', JSON.stringify(good).slice(0, 30)],
    ['no object', 'null'],
    ['another version', JSON.stringify({ ...good, version: 2 })],
    ['another detector', JSON.stringify({ ...good, detector: 'older' })],
    ['no list', JSON.stringify({ ...good, faces: 'many' })],
    ['a face outside', JSON.stringify({ ...good, faces: [{ ...SEEN[0], left: 7 }] })],
    ['a face of words', JSON.stringify({ ...good, faces: [{ ...SEEN[0], width: '1' }] })],
    ['a face that is null', JSON.stringify({ ...good, faces: [null] })],
    ['a crowd', JSON.stringify({ ...good, faces: Array(1000).fill(SEEN[0]) })],
  ];
  for (const [what, body] of damaged) {
    it(`is found anew and replaced when the sidecar holds ${what}`, async () => {
      const eyes = fixedFinder(SEEN);
      const known = metadata(eyes, { [metadataKey('a')]: Buffer.from(body) });
      await known.load('a', never);
      assert.deepEqual(await known.faces('a', probe), SEEN);
      await known.drain();
      assert.equal(eyes.looks, 1);
      assert.equal(known.warnings.length, 1);
      assert.deepEqual(JSON.parse(known.results.objects.get(metadataKey('a'))?.body.toString() ?? ''), good);
    });
  }

  it('is found anew when the sidecar is out of reach, within bounded time', async () => {
    const eyes = fixedFinder(SEEN);
    const known = metadata(eyes);
    known.results.hold.get = () => Promise.reject(new Error('503'));
    await known.load('a', never);
    known.results.hold.get = () => new Promise(() => {});
    // Time-outs of signals keep no process alive; a server does.
    const alive = setInterval(() => {}, 1000);
    await known.load('a', never);
    clearInterval(alive);
    assert.equal(known.warnings.length, 2);
    assert.deepEqual(await known.faces('a', probe), SEEN);
  });

  it('keeps what the sidecar says beside what was recorded while it was being read', async () => {
    const picture = { width: 4, height: 3, format: 'jpeg', frames: 1, dominantColor: '#102030', thumbhash: 'AA==' };
    const sha256 = 'ab'.repeat(32);
    const kept = Buffer.from(JSON.stringify({ version: 1, picture, sha256 }));
    const known = metadata(fixedFinder(SEEN), { [metadataKey('a')]: kept });
    const held = Promise.withResolvers<void>();
    known.results.hold.get = () => held.promise;
    const loading = known.load('a', never);
    await known.faces('a', probe);
    held.resolve();
    await loading;
    assert.deepEqual(known.known('a'), { faces: SEEN, picture, sha256 });
  });

  it('needs no store', async () => {
    const eyes = fixedFinder(SEEN);
    const known = metadata(eyes, {}, false);
    await known.load('a', never);
    assert.deepEqual([await known.faces('a', probe), await known.faces('a', probe), eyes.looks], [SEEN, SEEN, 1]);
  });

  it('is not asked for when faces are off', async () => {
    const known = metadata(undefined);
    assert.equal(await known.faces('a', () => assert.fail('no look')), undefined);
    assert.deepEqual([known.results.calls, known.looks], [[], []]);
  });
});
