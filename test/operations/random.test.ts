import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import { heicFile } from '../helpers/heic-files.ts';
import { startServer, type TestServer } from '../helpers/server.ts';
import { untilAnswer } from '../helpers/turns.ts';
import { randomPresets } from './random-presets.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const COUNT = Number(process.env.OPERATIONS ?? 150);
/** Told where a run fails, and set to repeat it. */
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9));
const LIMIT = { timeout: 900_000 };

const definitions = randomPresets(COUNT, SEED);

describe(`${COUNT} random presets, SEED=${SEED}`, () => {
  let folder: string;
  let originals: string[];
  let servers: TestServer[];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'darkroom-random-'));
    await cp(join(ROOT, 'samples'), join(folder, 'originals'), { recursive: true });
    await writeFile(join(folder, 'presets.json'), JSON.stringify(definitions));
    await writeFile(join(folder, 'originals/tile.heic'), heicFile('tile-1.heic'));
    for (const [name, width, height] of [
      ['dot.png', 1, 1],
      ['line.png', 700, 1],
      ['post.jpg', 2, 900],
    ] as const)
      await writeFile(
        join(folder, 'originals', name),
        await sharp({ create: { width, height, channels: 3, background: '#3377bb' } })
          .toFormat(name.endsWith('png') ? 'png' : 'jpeg')
          .toBuffer(),
      );
    originals = ['astronaut.jpg', 'cutout.png', 'spinner.gif', 'turned.jpg', 'wide-gamut.jpg', 'tile.heic'];
    originals.push('dot.png', 'line.png', 'post.jpg');
    const settings = {
      DARKROOM_PRESETS: join(folder, 'presets.json'),
      DARKROOM_ORIGINALS: `file:${join(folder, 'originals')}`,
      DARKROOM_ASSETS: `file:${join(ROOT, 'examples/assets')}`,
      // Presets that take longer are refused, and random ones are.
      DARKROOM_RENDER_TIMEOUT: '120s',
    };
    servers = await Promise.all([startServer(settings), startServer(settings)]);
  }, LIMIT);
  after(() => rm(folder, { recursive: true, force: true }));

  it('are answered with a picture or a 4xx, never a 5xx, and to the byte alike by two processes', LIMIT, async (t) => {
    const statuses = new Map<number, number>();
    for (const [index, [name, preset]] of Object.entries(definitions).entries()) {
      const id = originals[index % originals.length] ?? '';
      const suffix = ['', '@2x', '@3x'][index % 3] ?? '';
      const told = `${JSON.stringify(preset)} of ${id} ${suffix}`;
      const answers = [];
      for (const server of servers) answers.push(await finalAnswer(server, server.path(name + suffix, id)));
      const [one, two] = answers;
      if (!one || !two) continue;
      statuses.set(one.status, (statuses.get(one.status) ?? 0) + 1);
      assert.ok(one.status < 500, `${told}: ${one.status} ${one.text}`);
      assert.equal(one.status, two.status, told);
      // An error carries the request's own id.
      if (one.status !== 200) continue;
      assert.equal(one.digest, two.digest, `${told}: two processes made different bytes`);
      const { width, height } = await sharp(one.body, { pages: 1 }).metadata();
      assert.ok(width > 0 && height > 0, told);
    }
    t.diagnostic(JSON.stringify(Object.fromEntries(statuses)));
    assert.ok((statuses.get(200) ?? 0) > 0.8 * COUNT, JSON.stringify(Object.fromEntries(statuses)));
  });
});

/** What stands once looks for faces have ended: until then an answer may be provisional or 503. */
async function finalAnswer(server: TestServer, path: string) {
  const ask = async () => {
    const response = await server.get(path);
    const body = Buffer.from(await response.arrayBuffer());
    const { status, headers } = response;
    return { status, body, text: body.toString('utf8', 0, 200), lasting: headers.has('etag') };
  };
  const { body, ...answer } = await untilAnswer(
    ask,
    ({ status, lasting }) => status !== 503 && (status !== 200 || lasting),
  );
  return { ...answer, body, digest: createHash('sha256').update(body).digest('hex') };
}
