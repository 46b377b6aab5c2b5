/** Face threads end, hang, compute without end or talk nonsense at any moment of their lives, while crops are asked for. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import sharp from 'sharp';
import { createFaceFinder } from '../../src/faces/finder.ts';
import { recordKey } from '../../src/renditions/keys.ts';
import { startApp } from '../helpers/app.ts';
import { workerThat } from '../helpers/faces.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { untilAnswer } from '../helpers/turns.ts';

const PICTURES = 15;
const PRESETS = ['thumb', 'og', 'avatar-large', 'avatar-small', 'w_60,h_60,fit_cover,f_webp'];
/** The grey of a picture tells whose it is, and so does the place of the face that is found in it. */
const greyOf = (n: number) => 20 + 7 * n;

const folder = await mkdtemp(join(tmpdir(), 'darkroom-face-thread-'));
after(() => rm(folder, { recursive: true, force: true }));

describe('face threads that may fail at any moment', () => {
  for (const threads of [1, 2])
    it(`lose no slot, have no face recorded that is of another picture, and serve all once they are well: ${threads}`, async () => {
      const cure = join(folder, `cure-${threads}`);
      const workerUrl = workerThat(`
      import { existsSync } from 'node:fs';
      const cure = ${JSON.stringify(cure)};
      const faults = [
        () => process.exit(1),
        () => { throw new Error('boom'); },
        () => { for (;;); },
        () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
        () => parentPort.postMessage({ number: 0, faces: [], depth: 'tiles', complete: true }),
        () => parentPort.postMessage('ready'),
      ];
      const perhaps = (share) => {
        if (!existsSync(cure) && Math.random() < share) faults[Math.floor(Math.random() * faults.length)]();
      };
      perhaps(0.1);
      onTask((task) => {
        perhaps(0.15);
        const left = task.data[0] / 255;
        const face = { left, top: 0.1, width: 0.01, height: 0.01, score: 0.9, eyesY: 0.1 };
        const { number, depth } = task;
        parentPort.postMessage({ number, depth, faces: [face], complete: existsSync(cure) || Math.random() < 0.9 });
        perhaps(0.1);
      });
      setTimeout(() => { perhaps(0.1); ready(); }, Math.random() * 20);`);
      const limits = { cpuMs: 300, stillMs: 500 };
      const finder = createFaceFinder({
        ...{ threads, look: limits, start: limits, waiting: 64, idleMs: 20, backOffMs: 1, workerUrl },
      });
      const pictures = await Promise.all(
        Array.from({ length: PICTURES }, async (_, n) => {
          const [grey, size] = [greyOf(n), { width: 600, height: 200, channels: 3 as const }];
          const ground = { r: grey, g: grey, b: grey };
          return [
            `${n}.png`,
            await sharp({ create: { ...size, background: ground } })
              .png()
              .toBuffer(),
          ] as const;
        }),
      );
      const originals = createMemoryStore(Object.fromEntries(pictures)).store;
      const results = createMemoryStore();
      const app = await startApp({ originals, results: results.store, finder, faceWaitMs: 20, nearest: false });
      const ask = async (preset: string, n: number) => {
        const answer = await app.get(app.path(preset, `${n}.png`));
        await answer.arrayBuffer();
        return { status: answer.status, lasting: answer.headers.get('etag') !== null };
      };
      const all = () => PRESETS.flatMap((preset) => pictures.map((_, n) => [preset, n] as const));
      try {
        const queue = all();
        const ills = new Map<number, number>();
        const asker = async () => {
          for (let next = queue.shift(); next; next = queue.shift()) {
            const { status } = await ask(...next);
            ills.set(status, (ills.get(status) ?? 0) + 1);
          }
        };
        await Promise.all(Array.from({ length: 8 }, asker));
        assert.deepEqual([...ills.keys()], [200], JSON.stringify([...ills]));
        assert.deepEqual([app.queue.running, app.queue.waiting, app.flights.size], [0, 0, 0]);
        const late = app.provisional.filter((reason) => reason === 'late').length;
        assert.ok(late <= PICTURES, `${late} late`);

        await writeFile(cure, '');
        for (const [preset, n] of all())
          await untilAnswer(
            () => ask(preset, n),
            ({ lasting }) => lasting,
          );
        await app.saves.drain(60_000);
        for (const [n] of pictures.entries()) {
          const record = JSON.parse(results.objects.get(recordKey(`${n}.png`))?.body.toString() ?? 'null');
          for (const faces of [record.faces, record.wholeFaces ?? record.faces])
            assert.equal(Math.round(faces[0].left * 255), greyOf(n), JSON.stringify(record));
        }
      } finally {
        await app.dispose();
        await finder.close();
      }
    });
});
