import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { usableCpus } from '../../src/process/cpu-limit.ts';

const folders: string[] = [];
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

/** Folders as Linux shows them, for a machine of eight CPUs. */
async function cpusOf(membership: string, files: Record<string, string>): Promise<number> {
  const mount = await mkdtemp(join(tmpdir(), 'darkroom-cgroup-'));
  folders.push(mount);
  for (const [name, content] of Object.entries({ membership, ...files })) {
    await mkdir(dirname(join(mount, name)), { recursive: true });
    await writeFile(join(mount, name), content);
  }
  return usableCpus({ membership: join(mount, 'membership'), mount }, 8);
}

describe('the CPUs that may be used', () => {
  const cases: [what: string, cpus: number, membership: string, files: Record<string, string>][] = [
    ['v2', 2, '0::/shop\n', { 'shop/cpu.max': '200000 100000\n' }],
    ['v2 without a limit', 8, '0::/shop\n', { 'shop/cpu.max': 'max 100000\n' }],
    ['v2, the group above narrower', 3, '0::/a/b\n', { 'a/b/cpu.max': 'max 100000\n', 'a/cpu.max': '150000 50000\n' }],
    ['v2, one and a half', 1, '0::/\n', { 'cpu.max': '150000 100000\n' }],
    ['v2, less than one', 1, '0::/\n', { 'cpu.max': '10000 100000\n' }],
    ['v2, more than there are', 8, '0::/\n', { 'cpu.max': '1600000 100000\n' }],
    [
      'v1, cpu alone',
      2,
      '5:memory:/x\n1:cpu:/x\n0::/\n',
      { 'cpu/x/cpu.cfs_quota_us': '200000\n', 'cpu/x/cpu.cfs_period_us': '100000\n' },
    ],
    [
      'v1, cpu with cpuacct, the host’s path in a container',
      4,
      '3:cpu,cpuacct:/docker/0123\n',
      { 'cpu,cpuacct/cpu.cfs_quota_us': '400000\n', 'cpu,cpuacct/cpu.cfs_period_us': '100000\n' },
    ],
    ['v1 without a limit', 8, '1:cpu:/\n', { 'cpu/cpu.cfs_quota_us': '-1\n', 'cpu/cpu.cfs_period_us': '100000\n' }],
    ['no cgroups at all', 8, '', {}],
    ['nonsense', 8, 'hello\n0::/\n', { 'cpu.max': 'many\n' }],
  ];
  for (const [what, cpus, membership, files] of cases) {
    it(`${what}: ${cpus} of 8`, async () => assert.equal(await cpusOf(membership, files), cpus));
  }

  it('are never more than those of this machine', () => {
    assert.ok(usableCpus() >= 1 && usableCpus() <= availableParallelism());
  });
});
