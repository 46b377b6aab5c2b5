import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { BYTES_PER_UPLOAD } from '../../src/api/uploads/folder-upload-target.ts';
import { TEMPORARY } from '../../src/stores/folder/folder-writer.ts';
import { startServer, type TestServer } from '../helpers/server.ts';
import { until } from '../helpers/turns.ts';

const MIB = 1024 * 1024;
const TOKEN = 'a-token-of-the-tests';
const SIZE = 40 * MIB;
const CONNECTIONS = 8;
const chunk = Buffer.alloc(256 * 1024, 'x');

const memoryOf = ({ child }: TestServer, what: 'VmRSS' | 'VmHWM') =>
  Number(new RegExp(`${what}:\\s+(\\d+)`).exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024;
/** So that the high-water mark is that of what follows: https://docs.kernel.org/filesystems/proc.html */
const forgetPeak = ({ child }: TestServer) => writeFileSync(`/proc/${child.pid}/clear_refs`, '5');

async function start(context: TestContext): Promise<TestServer> {
  const server = await startServer({
    ...{ DARKROOM_API_TOKEN: TOKEN, DARKROOM_FACES: 'off', DARKROOM_RESULTS: 'none' },
    ...{ DARKROOM_ORIGINALS: 'file:./originals', DARKROOM_MAX_ORIGINAL_BYTES: '40MiB' },
  });
  context.after(() => server.dispose());
  return server;
}

async function ticket(server: TestServer): Promise<string> {
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ filename: 'a.jpg', contentType: 'image/jpeg', size: SIZE });
  const answer = await server.get('/v1/images/upload-url', { method: 'POST', headers, body });
  assert.equal(answer.status, 200);
  return new URL(((await answer.json()) as { uploadUrl: string }).uploadUrl).pathname;
}

/** Sends a whole upload, whatever is answered meanwhile. Resolves to the status. */
async function send({ port }: TestServer, path: string): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  const answered = once(socket, 'data').then(([data]) => (answer += data));
  socket.write(`PUT ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nContent-Length: ${SIZE}\r\n\r\n`);
  for (let sent = 0; sent < SIZE; sent += chunk.length) if (!socket.write(chunk)) await once(socket, 'drain');
  await answered;
  socket.destroy();
  return Number(answer.split(' ')[1]);
}

/** Statuses, and how much memory the server took at its peak as a share of all that was sent. */
async function sendAll(context: TestContext, server: TestServer, paths: readonly string[]) {
  // What a first upload costs (modules, buffers of connections) is not what more of them cost.
  await send(server, await ticket(server));
  const resting = memoryOf(server, 'VmRSS');
  forgetPeak(server);
  const statuses = await Promise.all(paths.map((path) => send(server, path)));
  const grown = memoryOf(server, 'VmHWM') - resting;
  const share = (grown * MIB) / (SIZE * paths.length);
  context.diagnostic(`${paths.length} × 40 MiB: RSS ${Math.round(resting)} MiB, ${Math.round(grown)} more at the peak`);
  return { statuses: statuses.toSorted(), share };
}

describe('memory of uploads', () => {
  it('one ticket on eight connections at once: one is taken, and no body is held', async (context) => {
    const server = await start(context);
    const path = await ticket(server);
    const { statuses, share } = await sendAll(context, server, Array(CONNECTIONS).fill(path));
    assert.equal(statuses[0], 201);
    assert.ok(
      statuses.slice(1).every((status) => status === 409 || status === 412),
      statuses.join(),
    );
    assert.ok(share < 1 / 5, `${share}`);
  });

  it('as many at once as the memory plan has buffers for: the next is told to come back', async (context) => {
    const server = await start(context);
    const { uploads } = server.startUp.memory as { uploads: number };
    const most = Math.floor(uploads / BYTES_PER_UPLOAD);
    /** An upload of which the first byte has come; resolves to the status where it is refused. */
    const begin = async () => {
      const socket = connect(server.port, '127.0.0.1');
      context.after(() => socket.destroy());
      const path = await ticket(server);
      socket.write(`PUT ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nContent-Length: ${SIZE}\r\n\r\nx`);
      return once(socket, 'data').then(([data]) => Number(String(data).split(' ')[1]));
    };
    const folder = join(server.folder, 'originals', TEMPORARY);
    const begun = () => (existsSync(folder) ? readdirSync(folder).length : 0);
    for (let n = 0; n < most; n += 1) begin().catch(() => {});
    await until(() => begun() === most);
    assert.equal(await begin(), 503);
    assert.equal(begun(), most);
  });

  it('eight tickets at once: all are taken, and no body is held', async (context) => {
    const server = await start(context);
    const paths = await Promise.all(Array.from({ length: CONNECTIONS }, () => ticket(server)));
    const { statuses, share } = await sendAll(context, server, paths);
    assert.deepEqual(statuses, Array(CONNECTIONS).fill(201));
    assert.ok(share < 1 / 5, `${share}`);
  });
});
