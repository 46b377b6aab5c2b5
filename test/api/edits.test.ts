import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { API_TOKEN, blue, type Machine, machinesOver, red } from '../helpers/machines.ts';

/** PATCH and GET /v1/images/:id: what a shop says of an original, and how long it holds. */

const ID = 'seller/42/a.png';
const BOX = { x: 0.25, y: 0.5, width: 0.25, height: 0.25 };

/** A call with the token. */
async function call(
  machine: Machine,
  method: string,
  id: string,
  body?: unknown,
  headers: Record<string, string> = {},
) {
  const answer = await fetch(`${machine.baseUrl}/v1/images/${encodeURIComponent(id)}`, {
    method,
    headers: {
      authorization: `Bearer ${API_TOKEN}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: what a server answers is checked field by field
  const told = (await answer.json()) as any;
  return { status: answer.status, etag: answer.headers.get('etag') ?? '', told };
}
const patch = (machine: Machine, body: unknown, headers?: Record<string, string>) =>
  call(machine, 'PATCH', ID, body, headers);
const get = (machine: Machine) => call(machine, 'GET', ID);

describe('an edit', () => {
  it('is kept in the record, begins an epoch, and is shown with the v and the ETag of it', async () => {
    const { start, results } = machinesOver({ [ID]: red });
    const machine = await start();
    const before = await get(machine);
    assert.deepEqual([before.status, before.told.edit, before.told.v], [200, undefined, undefined]);
    const made = await patch(machine, { rotate: 90, redact: [BOX], alt: 'A red car' });
    assert.equal(made.status, 200);
    assert.deepEqual(made.told, {
      ...{ id: ID, v: '1', edit: { rotate: 90, redact: [BOX] }, alt: 'A red car' },
      ...{ machines: { told: 0, failed: 0 }, cdn: 'none', failed: [] },
    });
    await machine.saved();
    const { epoch, edit, alt } = results.record(ID);
    assert.deepEqual({ epoch, edit, alt }, { epoch: 1, edit: { rotate: 90, redact: [BOX] }, alt: 'A red car' });
    const after = await get(machine);
    assert.deepEqual(
      [after.told.v, after.told.edit, after.told.alt],
      ['1', { rotate: 90, redact: [BOX] }, 'A red car'],
    );
    assert.equal(after.etag, made.etag);
    assert.notEqual(before.etag, made.etag);
    // biome-ignore lint/suspicious/noExplicitAny: what a server answers is checked field by field
    const { images } = (await (await machine.meta([ID])).json()) as any;
    assert.deepEqual([images[0].edit, images[0].v], [after.told.edit, '1']);
  });

  it('merges field by field and in depth, and null takes back', async () => {
    const { start } = machinesOver({ [ID]: red });
    const machine = await start();
    const edit = async (body: object) => (await patch(machine, body)).told.edit;
    const crop = { x: 0.1, y: 0.1, width: 0.5, height: 0.5 };
    assert.deepEqual(await edit({ crop, focus: { x: 0.5, y: 0.25 } }), { crop, focus: { x: 0.5, y: 0.25 } });
    assert.deepEqual(await edit({ crop: { width: 0.75 }, focus: null }), { crop: { ...crop, width: 0.75 } });
    assert.deepEqual(await edit({ redact: [BOX, BOX] }), { crop: { ...crop, width: 0.75 }, redact: [BOX, BOX] });
    assert.deepEqual(await edit({ redact: [] }), { crop: { ...crop, width: 0.75 } });
    const refused = await patch(machine, { crop: { height: null } });
    assert.deepEqual([refused.status, refused.told.error], [400, 'bad_request']);
    assert.deepEqual(await edit({ crop: null, flip: 'both' }), { flip: 'both' });
    assert.deepEqual(await edit({ flip: null }), {});
    assert.equal((await get(machine)).told.edit, undefined);
  });

  it('begins no epoch with the alternative text alone, nor where it is so already', async () => {
    const { start, results } = machinesOver({ [ID]: red });
    const machine = await start();
    assert.equal((await patch(machine, { rotate: 180 })).told.v, '1');
    const served = await machine.ask('small', ID);
    const first = served.headers.get('etag');
    const texts = await patch(machine, { alt: '' });
    assert.deepEqual([texts.told.v, texts.told.alt], ['1', '']);
    assert.equal((await patch(machine, { rotate: 180, alt: 'b' })).told.v, '1');
    assert.equal((await patch(machine, {})).told.v, '1');
    assert.equal((await patch(machine, { alt: null })).told.alt, undefined);
    assert.equal(results.record(ID).epoch, 1);
    assert.equal((await machine.ask('small', ID)).headers.get('etag'), first);
  });

  it('is written as a merge patch too, and in no other type', async () => {
    const { start } = machinesOver({ [ID]: red });
    const machine = await start();
    const as = (type: string) => patch(machine, { flip: 'vertical' }, { 'content-type': type });
    assert.equal((await as('application/merge-patch+json')).status, 200);
    assert.equal((await as('text/plain')).status, 400);
    const meta = await fetch(`${machine.baseUrl}/v1/images/meta`, {
      method: 'POST',
      headers: { authorization: `Bearer ${API_TOKEN}`, 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify({ ids: [ID] }),
    });
    assert.equal(meta.status, 400);
  });

  it('is refused with 412 where the ETag is of before', async () => {
    const { start } = machinesOver({ [ID]: red });
    const [a, b] = [await start(), await start()];
    const { etag } = await get(a);
    const first = await patch(a, { rotate: 90 }, { 'if-match': etag });
    assert.equal(first.status, 200);
    const second = await patch(b, { rotate: 270 }, { 'if-match': etag });
    assert.deepEqual([second.status, second.told.error], [412, 'changed_meanwhile']);
    assert.equal((await patch(b, { rotate: 270 }, { 'if-match': `W/${first.etag}` })).status, 412, 'weak');
    // Another machine shows the new one at once, whatever it held.
    assert.equal((await get(b)).etag, first.etag);
    assert.equal((await patch(b, { rotate: 270 }, { 'if-match': `"other", ${first.etag}` })).status, 200);
    assert.equal((await patch(b, { rotate: 180 }, { 'if-match': '*' })).told.edit.rotate, 180);
    // Of the text too.
    const { etag: text } = await patch(b, { alt: 'a' });
    assert.equal((await patch(a, { alt: 'b' })).status, 200);
    assert.equal((await patch(b, { alt: 'c' }, { 'if-match': text })).status, 412);
  });

  it('loses nothing where several are written at once, on one machine and on two', async () => {
    const { start, results } = machinesOver({ [ID]: red });
    const [a, b] = [await start(), await start()];
    await Promise.all([get(a), get(b)]);
    const bodies = [
      { rotate: 90 },
      { flip: 'both' },
      { crop: { x: 0, y: 0, width: 0.5, height: 1 } },
      { focus: { x: 1, y: 0 } },
      { redact: [BOX] },
      { alt: 'a' },
    ];
    const answers = await Promise.all(bodies.map((body, index) => patch(index % 2 ? a : b, body)));
    assert.deepEqual(
      answers.map(({ status }) => status),
      bodies.map(() => 200),
    );
    const { epoch, edit, alt } = results.record(ID);
    assert.deepEqual({ ...edit, alt }, Object.assign({}, ...bodies));
    assert.equal(epoch, 5);
    assert.equal(new Set(answers.slice(0, 5).map(({ told }) => told.v)).size, 5);
  });

  it('is told to the CDN and to the other machines, again where it is sent again', async () => {
    const [purged, told]: [string[], unknown[]] = [[], []];
    const { start } = machinesOver({ [ID]: red });
    const cdn = async (id: string) => {
      purged.push(id);
      return 'purged' as const;
    };
    const peers = {
      async tell(what: unknown) {
        told.push(what);
        return { told: 2, failed: 0 };
      },
    };
    const machine = await start({ cdn, peers });
    const { told: answer } = await patch(machine, { rotate: 90 });
    assert.deepEqual([answer.cdn, answer.machines], ['purged', { told: 2, failed: 0 }]);
    await patch(machine, { alt: 'text' });
    assert.equal((await patch(machine, { rotate: 90 })).told.v, '1');
    assert.deepEqual(
      [purged, told],
      [
        [ID, ID],
        [{ ids: [ID] }, { ids: [ID] }],
      ],
    );
  });

  it('says what failed behind it, and holds all the same', async () => {
    const { start, results } = machinesOver({ [ID]: red });
    const machine = await start();
    results.hold.deleteAll = () => Promise.reject(new Error('no deletes'));
    const { status, told } = await patch(machine, { rotate: 90 });
    assert.deepEqual([status, told.error, told.failed, told.edit], [502, 'store_failed', ['results'], { rotate: 90 }]);
    assert.deepEqual(results.record(ID).edit, { rotate: 90 });
  });

  it('is not taken for written, nor what was before for true, where the store fails', async () => {
    const { start, results } = machinesOver({ [ID]: red });
    const machine = await start();
    await machine.see('small', ID);
    await machine.saved();
    results.hold.put = () => Promise.reject(new Error('no writes'));
    const { status } = await patch(machine, { rotate: 90 });
    assert.ok(status >= 500, String(status));
    assert.equal(machine.records.trusted(ID), undefined);
    delete results.hold.put;
    assert.equal((await patch(machine, { rotate: 90 })).status, 200);
  });

  it('needs a result store', async () => {
    const { start } = machinesOver({ [ID]: red });
    const machine = await start({ results: undefined });
    const { status, told } = await patch(machine, { rotate: 90 });
    assert.deepEqual([status, told.error], [400, 'bad_request']);
    assert.match(told.message, /DARKROOM_RESULTS/);
    assert.equal((await get(machine)).status, 200);
  });
});

describe('an edit outlives', () => {
  const says = { rotate: 90, crop: { x: 0, y: 0, width: 0.5, height: 0.5 }, redact: [BOX], alt: 'A red car' };
  const { alt: _, ...edit } = says;

  it('a purge of the picture and of its folder, and what machines forget', async () => {
    const { start, results, passWindow } = machinesOver({ [ID]: red });
    const machine = await start();
    await patch(machine, says);
    await machine.purge(ID);
    assert.deepEqual(results.record(ID).edit, edit);
    const job = await machine.purgeMany({ prefix: 'seller/' });
    assert.equal(job.status, 202);
    passWindow();
    await machine.see('small', ID);
    await machine.saved();
    const other = await start();
    for (const each of [machine, other]) {
      const { told } = await get(each);
      assert.deepEqual([told.edit, told.alt], [edit, 'A red car']);
    }
  });

  it('what is learned of the original behind it, and a version that knows no edits', async () => {
    const { start, results } = machinesOver({ [ID]: red });
    const machine = await start();
    await patch(machine, says);
    await machine.see('small', ID);
    await machine.meta([ID]);
    await machine.saved();
    assert.ok(results.record(ID).source && results.record(ID).picture);
    assert.deepEqual(results.record(ID).edit, edit);
    // What such a machine makes has the epoch without the mark of an edit.
    assert.equal(machine.records.of(ID), '1e');
  });

  it('a record that cannot be read, and one that the store lost while a machine knows it', async () => {
    const { start, results, passWindow } = machinesOver({ [ID]: red });
    const machine = await start();
    await patch(machine, says);
    const key = [...results.objects.keys()].find((each) => each.endsWith('original.json')) ?? '';
    const object = results.objects.get(key)!;
    const damaged = Buffer.from(JSON.stringify({ ...results.record(ID), epoch: -1 }));
    results.objects.set(key, { ...object, body: damaged });
    const cold = await start();
    assert.deepEqual((await get(cold)).told.edit, edit);
    passWindow();
    assert.deepEqual((await get(machine)).told.edit, edit);
    results.objects.delete(key);
    passWindow();
    assert.deepEqual((await get(machine)).told.edit, edit);
  });

  for (const how of ['purge', 'folder', 'read'])
    it(`other bytes only in what it covers: ${how}`, async () => {
      const { start, replace, results, passWindow } = machinesOver({ [ID]: red });
      const machine = await start();
      await patch(machine, says);
      await machine.see('small', ID);
      await machine.saved();
      replace(ID, blue);
      if (how === 'purge') await machine.purge(ID);
      else if (how === 'folder') await machine.purgeMany({ prefix: 'seller/' });
      else machine.cache.deleteBelow('');
      passWindow();
      for (const key of results.made()) results.objects.delete(key);
      await machine.see('medium', ID);
      await machine.saved();
      assert.deepEqual(results.record(ID).edit, { redact: [BOX] });
      assert.equal(results.record(ID).alt, undefined);
      passWindow();
      assert.equal((await get(machine)).told.alt, undefined);
    });

  it('no takedown with the original, not even where it is written behind it', async () => {
    const { start, results, replace, originals } = machinesOver({ [ID]: red });
    const [a, b] = [await start(), await start()];
    await patch(a, says);
    await a.purge(ID, '?original=true');
    assert.equal(results.record(ID).edit, undefined);
    assert.equal((await patch(b, { rotate: 180 })).status, 404);
    replace(ID, red);
    // It looks, then the takedown comes and goes, then it writes.
    const [looked, taken] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let heads = 0;
    originals.hold.head = async () => {
      heads += 1;
      if (heads > 1) return;
      looked.resolve();
    };
    results.hold.get = async (key) => {
      if (heads === 1 && key.endsWith('original.json')) await taken.promise;
    };
    const late = patch(b, { rotate: 180 });
    await looked.promise;
    originals.objects.delete(ID);
    taken.resolve();
    assert.equal((await late).status, 404);
    assert.equal(results.record(ID).edit, undefined);
  });

  it('a takedown whose original could not be deleted', async () => {
    const { start, results, originals } = machinesOver({ [ID]: red });
    const machine = await start();
    await patch(machine, says);
    originals.hold.delete = () => Promise.reject(new Error('no deletes'));
    assert.deepEqual((await machine.purge(ID, '?original=true')).failed, ['original']);
    assert.deepEqual(results.record(ID).edit, edit);
  });
});

describe('a PATCH that is wrong', () => {
  it('is refused in a sentence, changes nothing and is never a fault of the server', async () => {
    const { start, results } = machinesOver({ [ID]: red });
    const machine = await start();
    await patch(machine, { rotate: 90 });
    const box = (fields: object) => ({ redact: [{ ...BOX, ...fields }] });
    const bodies: unknown[] = [
      ...['null', '[]', '"rotate"', '7', '{', '', '{"rotate":90,"rotate":NaN}', '{"__proto__":{"rotate":90}}'],
      ...[{ rotate: 0 }, { rotate: 45 }, { rotate: '90' }, { rotate: -90 }, { rotate: [90] }, { rotate: { a: 1 } }],
      ...[{ flip: 'up' }, { flip: true }, { colour: 'red' }, { colour: null }, { edit: { rotate: 90 } }, { id: ID }],
      ...[{ crop: [0, 0, 1, 1] }, { crop: { x: 0 } }, { crop: {} }, { crop: { ...BOX, z: null } }, { crop: 1 }],
      ...[{ crop: { ...BOX, width: 0 } }, { crop: { ...BOX, x: 0.9 } }, { crop: { ...BOX, width: 1e-9 } }],
      ...['{"crop":{"x":1e999,"y":0,"width":1,"height":1}}', '{"focus":{"x":NaN,"y":0}}', { focus: { x: 2, y: 0 } }],
      ...[{ focus: { x: -0.1, y: 0 } }, { focus: { y: 0.5 } }, { focus: 'center' }],
      ...[box({ width: 0 }), box({ height: -1 }), box({ x: 0.9 }), box({ y: 1.5 }), box({ x: null }), box({ more: 1 })],
      ...[{ redact: BOX }, { redact: [[0, 0, 1, 1]] }, { redact: Array(101).fill(BOX) }, { redact: { faces: 'blur' } }],
      ...[{ redact: Array(10_000).fill(BOX) }, { redact: Array(10_000).fill(0) }],
      ...[{ alt: 7 }, { alt: 'a\u0000b' }, { alt: 'a\nb' }, { alt: 'a'.repeat(1001) }, '{"alt":"\\ud800"}'],
      ...[`{"crop":${'{"x":'.repeat(5000)}1${'}'.repeat(5000)}}`, `{"redact":${'['.repeat(9000)}${']'.repeat(9000)}}`],
      'x'.repeat(3_000_000),
    ];
    for (const body of bodies) {
      const { status, told } = await patch(machine, body).catch(() => ({
        status: 400,
        told: { error: 'bad_request' },
      }));
      assert.deepEqual([status, told.error], [400, 'bad_request'], JSON.stringify(body).slice(0, 80));
    }
    const { epoch, edit } = results.record(ID);
    assert.deepEqual([epoch, edit], [1, { rotate: 90 }]);
  });

  it('is refused for an id that is none, that is nowhere, or that was quarantined', async () => {
    const { start, results } = machinesOver({ [ID]: red, '.quarantine/a.png': red });
    const machine = await start();
    for (const method of ['GET', 'PATCH']) {
      const of = async (id: string) =>
        (await call(machine, method, id, method === 'GET' ? undefined : { rotate: 90 })).status;
      for (const id of ['../a.png', 'a/../../b', '/a', 'a\u0000b', 'a'.repeat(600), '%2e%2e/a'])
        assert.equal(await of(id), 400, id);
      for (const id of ['nowhere.png', '.quarantine/a.png']) assert.equal(await of(id), 404, `${method} ${id}`);
    }
    assert.deepEqual([...results.objects.keys()].filter((key) => key.endsWith('original.json')).length, 0);
  });

  it('is refused without the token, and the body is not read', async () => {
    const { start } = machinesOver({ [ID]: red });
    const machine = await start();
    const none = { authorization: '' };
    assert.equal((await patch(machine, { rotate: 90 }, none)).status, 401);
    assert.equal((await patch(machine, '{', { authorization: 'Bearer other' })).status, 403);
  });
});
