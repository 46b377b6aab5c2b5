import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { createPeers, PEER_HEADER, PEER_PATH, type Peers, peerSignature } from '../../src/api/peers.ts';
import { TEST_KEY } from '../helpers/app.ts';
import { API_TOKEN, blue, type Machine, machinesOver, red, shown } from '../helpers/machines.ts';
import { startServer, type TestServer } from '../helpers/server.ts';
import { closedPort } from '../helpers/tcp-faults.ts';
import { until } from '../helpers/turns.ts';

/** Other machines are told of a purge at once. All of these tests end long before a purge window does. */

const ID = 'seller/42/a.png';
const never = new AbortController().signal;

/** Machines on one port of loopback, an address each; one name stands for all of them. `absent`: addresses without a machine. */
async function startPeers(count: number, { absent = [] as string[], results = true } = {}) {
  const machines = machinesOver({ [ID]: red, 'seller/42/b.png': red, 'seller/7/c.png': red });
  const port = await closedPort();
  const addresses = Array.from({ length: count }, (_, at) => `127.0.0.${at + 1}`);
  const warnings: string[] = [];
  const peersOf = (): Peers =>
    createPeers({
      ...{ host: 'all.machines.example', port, signingKey: TEST_KEY, warn: (what) => warnings.push(what) },
      resolveName: async () => [...addresses, ...absent].map((address) => ({ address, family: 4 })),
    });
  const messages = addresses.map(() => 0);
  const apps: Machine[] = [];
  for (const [at, host] of addresses.entries()) {
    const own = results ? {} : { results: undefined };
    const app = await machines.start({ host, port, peers: peersOf(), ...own });
    app.app.server.on('request', ({ url }) => {
      if (url === PEER_PATH) messages[at] = (messages[at] ?? 0) + 1;
    });
    apps.push(app);
  }
  const tell = (at: number, body: string, signature?: string) =>
    apps[at]?.get(PEER_PATH, {
      ...{ method: 'POST', body },
      headers: { 'content-type': 'application/json', ...(signature === undefined ? {} : { [PEER_HEADER]: signature }) },
    }) ?? assert.fail();
  return { ...machines, apps, messages, warnings, tell };
}

describe('a purge on one of three machines', () => {
  it('is passed on to each at once and never passed on again', async () => {
    const { apps, messages, originals, replace } = await startPeers(3);
    const [a = assert.fail()] = apps;
    for (const machine of apps) assert.equal(await machine.see('small', ID), 'red');
    replace(ID, blue);
    const report = await a.purge(ID);
    assert.deepEqual([report.status, report.machines], [200, { told: 3, failed: 0 }]);
    for (const machine of apps) assert.equal(await machine.see('small', ID), 'blue');
    assert.deepEqual(messages, [1, 1, 1]);
    // The original's deletion ends another epoch, of which all are told too.
    assert.deepEqual((await a.purge(ID, '?original=true')).machines, { told: 3, failed: 0 });
    for (const machine of apps)
      for (const preset of ['small', 'medium']) assert.equal(await machine.see(preset, ID), 404);
    assert.deepEqual(messages, [3, 3, 3]);
    assert.equal(originals.objects.has(ID), false);
  });

  it('reaches one that is cut off from the bucket: it sends nothing of what it holds', async () => {
    const { apps, results } = await startPeers(2);
    const [a = assert.fail(), b = assert.fail()] = apps;
    for (const preset of ['small', 'medium']) assert.equal(await b.see(preset, ID), 'red');
    await b.saved();
    await a.purge(ID, '?original=true');
    // B was told, and cannot ask.
    results.hold.get = () => Promise.reject(new Error('no route'));
    assert.equal((await b.records.see(ID)).current, false);
    for (const preset of ['small', 'medium', 'large']) assert.equal(await b.see(preset, ID), 404);
  });

  it('reaches the others where no results are kept', async () => {
    const { apps, replace } = await startPeers(2, { results: false });
    const [a = assert.fail(), b = assert.fail()] = apps;
    for (const machine of apps) assert.equal(await machine.see('small', ID), 'red');
    replace(ID, blue);
    assert.deepEqual((await a.purge(ID)).machines, { told: 2, failed: 0 });
    assert.deepEqual([await a.see('small', ID), await b.see('small', ID)], ['blue', 'blue']);
  });

  it('counts those that do not listen, and is done all the same', async () => {
    const { apps, warnings, replace } = await startPeers(2, { absent: ['127.0.0.9'] });
    const [a = assert.fail(), b = assert.fail()] = apps;
    assert.equal(await b.see('small', ID), 'red');
    replace(ID, blue);
    const report = await a.purge(ID);
    assert.deepEqual([report.status, report.failed, report.machines], [200, [], { told: 2, failed: 1 }]);
    assert.deepEqual(warnings, ['another machine could not be told of a purge']);
    assert.equal(await b.see('small', ID), 'blue');
  });

  it('of a folder has all others ask before they answer, those included that know no record', async () => {
    const { apps, replace, messages } = await startPeers(2);
    const [a = assert.fail(), b = assert.fail()] = apps;
    const ids = [ID, 'seller/42/b.png', 'seller/7/c.png'];
    for (const id of ids) assert.equal(await b.see('small', id), 'red');
    for (const id of ids) replace(id, blue);
    assert.equal((await a.purgeMany({ prefix: 'seller/42/' })).status, 202);
    assert.equal(messages[1], 1);
    const colours = [];
    for (const id of ids) colours.push(await b.see('small', id));
    assert.deepEqual(colours, ['blue', 'blue', 'red'], 'the folder beside it was not purged');
  });
});

describe('a message to forget', () => {
  it('needs the signing key: else it is 403 and nothing is forgotten', async () => {
    const { apps, tell, results } = await startPeers(1);
    const [a = assert.fail()] = apps;
    assert.equal(await a.see('small', ID), 'red');
    await a.saved();
    const body = JSON.stringify({ ids: [ID] });
    const calls = results.calls.length;
    const wrong = [
      undefined,
      '',
      'x',
      peerSignature(body, Buffer.alloc(32, 8)),
      peerSignature(JSON.stringify({ ids: ['other'] }), TEST_KEY),
      peerSignature(body, TEST_KEY).slice(1),
      `${peerSignature(body, TEST_KEY)}x`,
    ];
    for (const signature of wrong) {
      const answer = await tell(0, body, signature);
      const told = [answer.headers.get('x-error'), answer.headers.get('cache-control')];
      assert.deepEqual([answer.status, ...told], [403, 'forbidden', 'no-store'], String(signature));
    }
    assert.match((await a.ask('small', ID)).headers.get('cache-status') ?? '', /memory/);
    assert.equal(results.calls.length, calls, 'the record was not asked again');
    assert.equal((await tell(0, body, peerSignature(body, TEST_KEY))).status, 200);
    await a.see('small', ID);
    assert.ok(results.calls.length > calls);
  });

  it('that says nothing sensible is 400, and other methods find nothing there', async () => {
    const { apps, tell } = await startPeers(1);
    for (const body of [
      '',
      'null',
      '{',
      '[]',
      '{}',
      '{"ids":[]}',
      '{"ids":"a"}',
      '{"prefix":""}',
      '{"ids":["a"],"more":1}',
    ])
      assert.equal((await tell(0, body, peerSignature(body, TEST_KEY))).status, 400, body);
    const large = JSON.stringify({ ids: Array(1000).fill('x'.repeat(500)) });
    assert.ok([400, 413].includes((await tell(0, large, peerSignature(large, TEST_KEY))).status));
    for (const method of ['PUT', 'DELETE']) assert.equal((await apps[0]?.get(PEER_PATH, { method }))?.status, 404);
  });

  it('carries 50 ids at most, to every address that the name has', async () => {
    const bodies: string[] = [];
    const server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      bodies.push(body);
      response.end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    after(() => server.close());
    const { port } = server.address() as { port: number };
    const peers = createPeers({
      ...{ host: 'x.example', port, signingKey: TEST_KEY, warn: () => {} },
      resolveName: async () => [{ address: '127.0.0.1', family: 4 }],
    });
    const ids = Array.from({ length: 120 }, (_, at) => `${at}.jpg`);
    assert.deepEqual(await peers.tell({ ids }, never), { told: 1, failed: 0 });
    const told = bodies.map((body) => JSON.parse(body).ids);
    assert.deepEqual([told.map(({ length }) => length).sort(), told.flat().sort()], [[20, 50, 50], ids.sort()]);
  });

  it('is given up after three seconds by a machine that hangs, and by a name that does not resolve', async () => {
    const hanging = createServer(() => {});
    await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve));
    after(() => hanging.closeAllConnections());
    after(() => hanging.close());
    const { port } = hanging.address() as { port: number };
    const warnings: string[] = [];
    const options = { host: 'x.example', port, signingKey: TEST_KEY, warn: (what: string) => warnings.push(what) };
    const address = [{ address: '127.0.0.1', family: 4 }];
    const names = [
      async () => address,
      () => new Promise<typeof address>(() => {}),
      () => Promise.reject(new Error('NX')),
    ];
    const told = names.map((resolveName) => createPeers({ ...options, resolveName }).tell({ ids: ['a'] }, never));
    assert.deepEqual(await Promise.all(told), Array(3).fill({ told: 0, failed: 1 }));
    assert.deepEqual(warnings.sort(), [
      'another machine could not be told of a purge',
      'the other machines cannot be found',
      'the other machines cannot be found',
    ]);
  });
});

describe('two real processes over one folder', () => {
  let folder: string;
  const servers: TestServer[] = [];
  after(async () => {
    await Promise.all(servers.map((server) => server.dispose()));
    await rm(folder, { recursive: true, force: true });
  });

  it('tell each other, and trust no message of a process with another key', async () => {
    folder = await mkdtemp(join(tmpdir(), 'darkroom-peers-'));
    await mkdir(join(folder, 'originals'), { recursive: true });
    for (const name of ['a.png', 'b.png']) await writeFile(join(folder, 'originals', name), red);
    const port = await closedPort();
    const start = async (host: string, peer: string | undefined, settings: Record<string, string> = {}) => {
      const server = await startServer({
        ...{ HOST: host, PORT: String(port), DARKROOM_API_TOKEN: API_TOKEN, DARKROOM_FACES: 'off' },
        DARKROOM_ORIGINALS: `file:${join(folder, 'originals')}`,
        DARKROOM_RESULTS: `file:${join(folder, 'results')}`,
        // Only a message makes these forget.
        DARKROOM_PURGE_WINDOW: '1h',
        ...(peer === undefined ? {} : { DARKROOM_PEERS: `${peer}:${port}` }),
        ...settings,
      });
      servers.push(server);
      return server;
    };
    const purge = async (server: TestServer, id: string) => {
      const headers = { authorization: `Bearer ${API_TOKEN}` };
      const answer = await server.get(`/v1/images/${id}?original=true`, { method: 'DELETE', headers });
      return { status: answer.status, ...((await answer.json()) as { machines: object }) };
    };
    const [a, b] = [await start('127.0.0.1', '127.0.0.2'), await start('127.0.0.2', '127.0.0.1')];
    const stranger = await start('127.0.0.3', '127.0.0.2', { DARKROOM_SIGNING_KEYS: 'ab'.repeat(32) });
    const unset = await start('127.0.0.4', undefined);
    const see = (server: TestServer, preset: string, id: string) => shown(server.get(server.path(preset, id)));
    for (const id of ['a.png', 'b.png']) assert.equal(await see(b, 'small', id), 'red');
    await until(() => b.log().filter(({ msg }) => msg === 'request').length === 2);

    const first = await purge(a, 'a.png');
    assert.deepEqual([first.status, first.machines], [200, { told: 1, failed: 0 }]);
    for (const preset of ['small', 'medium']) assert.equal(await see(b, preset, 'a.png'), 404);

    const forged = await purge(stranger, 'b.png');
    assert.deepEqual([forged.status, forged.machines], [200, { told: 0, failed: 1 }]);
    assert.equal(await see(b, 'small', 'b.png'), 'red', 'it would notice after the window, of an hour here');
    const body = JSON.stringify({ ids: ['b.png'] });
    const signed = { 'content-type': 'application/json', [PEER_HEADER]: peerSignature(body, TEST_KEY) };
    assert.equal((await unset.get(PEER_PATH, { method: 'POST', headers: signed, body })).status, 404);
  });
});
