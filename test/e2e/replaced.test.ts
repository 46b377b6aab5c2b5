import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { blue, red, shown } from '../helpers/machines.ts';
import { startServer } from '../helpers/server.ts';
import { until, untilAnswer } from '../helpers/turns.ts';

describe('a server with DARKROOM_ORIGINALS_CHECK', () => {
  it('notices what a seller overwrites or deletes, and says so in log and metrics', async () => {
    const server = await startServer({
      ...{ DARKROOM_ORIGINALS_CHECK: '1ms', DARKROOM_FACES: 'off', DARKROOM_METRICS_PORT: '0' },
    });
    const file = join(server.folder, 'data/originals/a.png');
    // A check that a busy disk keeps waiting is left out, and made at the next request.
    const shows = (what: string | number) =>
      untilAnswer(
        () => shown(server.get(server.path('small', 'a.png'))),
        (answer) => answer === what,
      );
    await mkdir(join(server.folder, 'data/originals'), { recursive: true });
    await writeFile(file, red);
    await shows('red');
    await writeFile(file, blue);
    await shows('blue');
    await until(() => server.log().some(({ msg, key }) => /^an original was replaced/.test(msg) && key === 'a.png'));
    const metrics = await (await fetch(`http://127.0.0.1:${server.startUp.metricsPort}/metrics`)).text();
    assert.match(metrics, /^darkroom_originals_replaced_total\{outcome="noticed"\} 1$/m);
    const stored = () => readdirSync(join(server.folder, 'data/results/a.png')).filter((name) => /^small-/.test(name));
    // The purge of the old state may take the new rendition along, which memory then serves.
    await until(() => stored().length <= 1);
    await rm(file);
    await shows(404);
    await until(() => stored().length === 0);
    await server.dispose();
  });
});
