import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sharp from 'sharp';
import { recordKey } from '../../src/renditions/keys.ts';
import { API_TOKEN, colourOf, green, type Machine, machinesOver, red, unreachable } from '../helpers/machines.ts';

/** The API's `v` in a URL: a machine that has not heard of its epoch yet asks, instead of sending the old picture for a year. */

const ID = 'seller/42/a.png';

async function patch(machine: Machine, body: object): Promise<string> {
  const answer = await fetch(`${machine.baseUrl}/v1/images/${encodeURIComponent(ID)}`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${API_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return ((await answer.json()) as { v: string }).v;
}

async function ask(machine: Machine, preset: string, version?: string) {
  const answer = await machine.get(machine.path(preset, ID, undefined, version === undefined ? {} : { version }));
  const body = Buffer.from(await answer.arrayBuffer());
  const { width, height } = answer.status === 200 ? await sharp(body).metadata() : {};
  const { headers, status } = answer;
  return { status, body, size: [width, height], lifetime: headers.get('cache-control'), etag: headers.get('etag') };
}
const YEAR = 'public, max-age=31536000, immutable';
const UPRIGHT = [300, 225];
const TURNED = [225, 300];

describe('a URL with the v of an epoch that its machine has not seen', () => {
  it('shows the edit at once, from every preset and whatever the machine holds', async () => {
    const { start } = machinesOver({ [ID]: red });
    const [a, b] = [await start(), await start()];
    for (const machine of [a, b]) assert.deepEqual((await ask(machine, 'small')).size, UPRIGHT);
    const v = await patch(a, { rotate: 90 });
    assert.deepEqual((await ask(b, 'small')).size, UPRIGHT, 'without v: until the window ends');
    for (const preset of ['small', 'medium', 'small']) {
      const { size, lifetime } = await ask(b, preset, v);
      assert.deepEqual([size[0]! < size[1]!, lifetime], [true, YEAR], preset);
    }
    assert.deepEqual((await ask(b, 'small')).size, TURNED, 'and so does one without, from then on');
    const next = await patch(a, { rotate: 180 });
    assert.deepEqual((await ask(b, 'small', next)).size, UPRIGHT);
  });

  it('shows the photo that replaced another one, and says 404 of one that was taken down', async () => {
    const { start, replace, originals } = machinesOver({ [ID]: red });
    const [a, b] = [await start(), await start()];
    for (const machine of [a, b]) await machine.see('small', ID);
    replace(ID, green);
    await a.purge(ID);
    assert.equal(await colourOf((await ask(b, 'small', '1')).body), 'green');
    await a.purge(ID, '?original=true');
    assert.equal(originals.objects.has(ID), false);
    assert.equal((await ask(b, 'medium', '3')).status, 404);
  });

  it('asks again where a question was under way before that epoch began', async () => {
    const { start, results, passWindow } = machinesOver({ [ID]: red });
    const [a, b] = [await start(), await start()];
    await ask(b, 'small');
    await b.saved();
    passWindow();
    const [come, open] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const store = results.store.getIfChanged;
    let held = true;
    results.store.getIfChanged = async (key, ...others) => {
      const found = await store(key, ...others);
      if (!held || key !== recordKey(ID)) return found;
      held = false;
      come.resolve();
      await open.promise;
      return found;
    };
    const early = ask(b, 'small');
    await come.promise;
    const v = await patch(a, { rotate: 90 });
    const late = ask(b, 'medium', v);
    open.resolve();
    await early;
    const { size, lifetime } = await late;
    assert.deepEqual([size, lifetime], [[300, 400], YEAR]);
  });

  it('is kept for a minute where the record cannot be asked, and right as soon as it can', async () => {
    const { start, results } = machinesOver({ [ID]: red });
    let down = false;
    const [a, b] = [await start(), await start({ results: unreachable(results.store, () => down) })];
    await ask(b, 'small');
    const v = await patch(a, { rotate: 90 });
    down = true;
    for (const _ of [1, 2]) {
      const { size, lifetime, etag } = await ask(b, 'small', v);
      assert.deepEqual([size, lifetime, etag], [UPRIGHT, 'public, max-age=60', null]);
    }
    assert.equal((await ask(b, 'small')).lifetime, 'public, max-age=60', 'nor is its other renditions’ epoch sure');
    down = false;
    const { size, lifetime } = await ask(b, 'small', v);
    assert.deepEqual([size, lifetime], [TURNED, YEAR]);
  });

  it('costs a shop with numbers of its own one question a rendition, and none a hit; other tokens none', async () => {
    const { start, results } = machinesOver({ [ID]: red });
    const machine = await start();
    await ask(machine, 'small');
    await machine.saved();
    const questions = async (version: string) => {
      results.calls.length = 0;
      assert.equal((await ask(machine, 'small', version)).lifetime, YEAR);
      await machine.saved();
      return results.calls.filter((call) => call.startsWith('get') && call.endsWith(recordKey(ID))).length;
    };
    // Each render asks when it is read, and when it is saved.
    const ofRender = await questions('a1');
    for (const number of ['1764150000', '1764150001']) {
      assert.equal(await questions(number), ofRender + 1);
      assert.equal(await questions(number), 0);
    }
    for (const token of ['01', '1e3', '-1', '0', '1.5', '99999999999999999999', 'Infinity', '0x10', '٣', ' 1'])
      assert.equal(await questions(token), ofRender, token);
    await patch(machine, { rotate: 90 });
    assert.equal(await questions('1'), ofRender, 'of an epoch that is known');
  });
});
