import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { runningAllocator } from '../../src/process/allocator.ts';

const folder = mkdtempSync(join(tmpdir(), 'darkroom-allocator-'));
after(() => rmSync(folder, { recursive: true }));

const GLIBC = '7f00-7f01 r-xp 0 00:00 1 /usr/lib/x86_64-linux-gnu/libc.so.6\n';
const MUSL = '7f00-7f01 r-xp 0 00:00 1 /lib/ld-musl-x86_64.so.1\n';
const JEMALLOC = '7f00-7f01 r-xp 0 00:00 1 /usr/lib/aarch64-linux-gnu/libjemalloc.so.2\n';

describe('the allocator of a process', () => {
  const cases: [allocator: string, maps: string, environment: string[]][] = [
    ['glibc', GLIBC, ['PATH=/bin']],
    ['glibc, 2 arenas', GLIBC, ['MALLOC_ARENA_MAX=2', 'PATH=/bin']],
    ['glibc, 3 arenas', GLIBC, ['PATH=/bin', 'GLIBC_TUNABLES=glibc.malloc.check=1:glibc.malloc.arena_max=3']],
    ['glibc, 2 arenas, mapped from 131072 bytes', GLIBC, ['MALLOC_MMAP_THRESHOLD_=131072', 'MALLOC_ARENA_MAX=2']],
    [
      'glibc, 2 arenas, mapped from 99 bytes',
      GLIBC,
      ['GLIBC_TUNABLES=glibc.malloc.mmap_threshold=99:glibc.malloc.arena_max=2'],
    ],
    ['glibc', GLIBC, ['OLD_MALLOC_ARENA_MAX=2', 'LD_PRELOAD=libjemalloc.so.2']],
    ['jemalloc', GLIBC + JEMALLOC, ['LD_PRELOAD=libjemalloc.so.2', 'MALLOC_ARENA_MAX=2']],
    ['system', MUSL, ['MALLOC_ARENA_MAX=2']],
  ];
  for (const [allocator, maps, environment] of cases) {
    it(`is ${allocator} with ${environment.join(' ')}`, () => {
      writeFileSync(join(folder, 'maps'), maps);
      writeFileSync(join(folder, 'environ'), environment.map((entry) => `${entry}\0`).join(''));
      assert.equal(runningAllocator(folder), allocator);
    });
  }

  it('is the system’s where there is no /proc', () =>
    assert.equal(runningAllocator(join(folder, 'missing')), 'system'));

  it('is not what a file says that Node reads when it runs already', async () => {
    const file = join(folder, 'late.env');
    writeFileSync(file, 'MALLOC_ARENA_MAX=2\n');
    const module = new URL('../../src/process/allocator.ts', import.meta.url).href;
    const code = `import('${module}').then((m) => console.log(process.env.MALLOC_ARENA_MAX, m.runningAllocator()))`;
    const run = async (args: string[], env: Record<string, string>) =>
      (await promisify(execFile)(process.execPath, [...args, '-e', code], { env })).stdout;
    assert.equal(await run([`--env-file=${file}`], {}), '2 glibc\n');
    assert.equal(await run([], { MALLOC_ARENA_MAX: '2' }), '2 glibc, 2 arenas\n');
  });
});
