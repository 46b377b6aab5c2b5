import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { createHttpOrigin } from '../../../src/stores/http/http-origin.ts';
import { startOriginServer } from '../../helpers/origin-server.ts';

const server = await startOriginServer();
const origin = createHttpOrigin({ baseUrl: server.url, timeoutMs: 100_000, allowPrivate: true, maxConnections: 2 });
after(async () => {
  await origin.close();
  await server.dispose();
});

describe('redirects of an HTTP origin', () => {
  it('hold no connection, however long their bodies: 50 through a pool of two', async () => {
    server.seed('good.jpg', Buffer.from('good'));
    server.script('moved.jpg', (response) => {
      response.writeHead(302, { location: '/good.jpg' });
      // More than the sockets' own buffers take, so that it is in the way until it is given up.
      response.end(Buffer.alloc(20_000_000));
    });
    const limits = { signal: new AbortController().signal, maxBytes: 1000 };
    const bodies = await Promise.all(Array.from({ length: 50 }, () => origin.get('moved.jpg', limits)));
    for (const found of bodies) assert.equal(found?.body.toString(), 'good');
  });
});
