import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { faceThreadsFor, type MemoryPlan, planMemory } from '../../src/process/memory-plan.ts';
import { estimateRender } from '../../src/render/cost-estimate.ts';
import type { PictureHeader } from '../../src/render/picture-source.ts';
import { PLAIN } from '../helpers/pictures.ts';

const MIB = 1024 * 1024;
/** Measured by bench/ceiling.ts: the process at work beside its renders, and the face threads. */
const PROCESS_MIB = 109;
const FACES_MIB = [0, 88, 153];
/** The kernel and the allocator have the rest. */
const USABLE = 0.85;

function planOf(limitMib: number, faceThreads: 0 | 1 | 2, cacheMib?: number): MemoryPlan {
  const plan = planMemory({
    limit: limitMib * MIB,
    faceThreads,
    ...(cacheMib === undefined ? {} : { cache: cacheMib * MIB }),
  });
  assert.ok(plan, `${limitMib} MiB do not suffice`);
  return plan;
}

describe('the memory plan', () => {
  it('of 512 MiB holds two photos of 12 or of 48 megapixels from an iPhone at once, with faces', () => {
    const { work, cache, decodes } = planOf(512, 1);
    for (const [width, height] of [
      [4032, 3024],
      [8064, 6048],
    ] as const) {
      const size = { width, height };
      const still = { frames: 1, delays: undefined, loop: undefined, hasAlpha: false, turned: false, deep: false };
      const heic = { format: 'heic', coding: 'heic', decoder: 'heic', hasProfile: true, exif: undefined };
      const header: PictureHeader = { ...still, ...heic, size, stored: size };
      const { bytes } = estimateRender({ header }, { ...PLAIN, width: 600, height: 600, output: 'webp' });
      assert.ok(2 * bytes <= work + cache + decodes, `${width}: ${bytes / MIB} MiB`);
      // Measured by bench/heic.ts: a second one at the same time adds 35 to 43 MiB to the process's peak.
      assert.ok(bytes >= 43 * MIB, `${width}: ${bytes / MIB} MiB`);
    }
  });

  for (const [limitMib, faceThreads, cacheMib] of [
    [256, 0],
    [512, 1],
    [512, 0, 64],
    [1024, 1],
    [1024, 2],
    [2048, 1, 700],
    [8192, 2],
  ] as const) {
    it(`of ${limitMib} MiB shares out all that is usable, and no more (${faceThreads} face threads, cache ${cacheMib ?? 'by default'})`, () => {
      const { limit, ...shares } = planOf(limitMib, faceThreads, cacheMib);
      const shared = Object.values(shares).reduce((sum, bytes) => sum + bytes, 0) / MIB;
      const fixed = PROCESS_MIB + (FACES_MIB[faceThreads] ?? 0);
      const usable = (limit / MIB) * USABLE;
      assert.ok(shared + fixed <= usable, `${shared + fixed} of ${usable}`);
      // On a small machine the plan reserves 27 MiB for buffers that wait for V8, though `garbage` says less.
      const reserve = Math.max(0, 27 - shares.garbage / MIB);
      assert.ok(shared + fixed + reserve > usable - 1, `${shared + fixed} of ${usable}`);
    });
  }

  it('has room for buffers that wait for V8', () => {
    assert.deepEqual(
      [256, 512, 1024, 8192].map((limitMib) => planOf(limitMib, 0).garbage / MIB),
      [8, 32, 64, 128],
    );
  });

  it('does not exist where one large render would not fit', () => {
    assert.equal(planMemory({ limit: 256 * MIB, faceThreads: 1 }), undefined);
    assert.equal(planMemory({ limit: 512 * MIB, faceThreads: 1, cache: 400 * MIB }), undefined);
  });

  it('has two face threads where there are two CPUs and a gigabyte, else one', () => {
    const threads = [1, 2, 3, 4, 64].map((cpus) =>
      [512, 1023, 1024, 8192].map((mib) => faceThreadsFor(cpus, mib * MIB)),
    );
    const more = [1, 1, 2, 2];
    assert.deepEqual(threads, [[1, 1, 1, 1], more, more, more, more]);
  });
});
