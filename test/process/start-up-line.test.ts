import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readConfig } from '../../src/process/config.ts';
import { startUpWarnings } from '../../src/process/start-up-line.ts';

const MIB = 1024 * 1024;
const KEY = '07'.repeat(32);
const enoughThreads = { DARKROOM_SLOTS: '2', UV_THREADPOOL_SIZE: '6', DARKROOM_SIGNING_KEYS: KEY };
const open = { ...enoughThreads, DARKROOM_PLAYGROUND: 'on' };

describe('the warnings at the start', () => {
  const cases: [what: string, warnings: RegExp[], limitMib: number, environment: object, allocator: string][] = [
    ['a small machine with glibc as it is', [/set MALLOC_ARENA_MAX=2/], 512, enoughThreads, 'glibc'],
    ['a small machine with two arenas', [/MALLOC_MMAP_THRESHOLD_=131072/], 512, enoughThreads, 'glibc, 2 arenas'],
    [
      'a small machine with mappings alone',
      [/MALLOC_ARENA_MAX=2/],
      512,
      enoughThreads,
      'glibc, mapped from 131072 bytes',
    ],
    ['a small machine with both', [], 512, enoughThreads, 'glibc, 2 arenas, mapped from 131072 bytes'],
    ['a small machine with jemalloc', [], 512, enoughThreads, 'jemalloc'],
    ['a large machine with glibc as it is', [], 2048, enoughThreads, 'glibc'],
    ['a playground on every address', [/playground signs URLs.*HOST=0\.0\.0\.0/], 512, open, 'jemalloc'],
    ['a playground on a name', [/playground.*HOST=box/], 512, { ...open, HOST: 'box' }, 'jemalloc'],
    ['a playground with the made key', [/playground/], 512, { ...open, DARKROOM_SIGNING_KEYS: undefined }, 'jemalloc'],
    ['a playground on loopback', [], 512, { ...open, HOST: '127.0.0.1' }, 'jemalloc'],
    ['a playground on localhost', [], 512, { ...open, HOST: 'localhost' }, 'jemalloc'],
    ['a playground on ::1', [], 512, { ...open, HOST: '::1' }, 'jemalloc'],
    [
      'too few threads',
      [/UV_THREADPOOL_SIZE is 5; set it to at least 6/],
      512,
      { ...enoughThreads, UV_THREADPOOL_SIZE: '5' },
      'jemalloc',
    ],
  ];
  for (const [what, expected, limitMib, environment, allocator] of cases) {
    it(`${expected.length === 0 ? 'are none for' : 'tell of'} ${what}`, () => {
      const warnings = startUpWarnings(readConfig({ ...environment }, limitMib * MIB), allocator);
      assert.equal(warnings.length, expected.length);
      for (const [at, warning] of warnings.entries()) assert.match(warning, expected[at] as RegExp);
    });
  }
});
