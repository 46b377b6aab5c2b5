import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, it } from 'node:test';
import { createCdnPurge } from '../../src/api/cdn-purge.ts';

async function listen(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('the token of a CDN', () => {
  for (const status of [301, 302, 307, 308]) {
    it(`goes nowhere that the CDN's API sends it with a ${status}: the purge has failed`, async () => {
      const calls: string[] = [];
      const elsewhere = await listen((request, response) => {
        calls.push(`elsewhere ${request.headers.authorization}`);
        response.end('{}');
      });
      const apiUrl = await listen((_request, response) => {
        calls.push('the CDN');
        response.writeHead(status, { location: `${elsewhere}/` }).end();
      });
      const purge = createCdnPurge({
        ...{ kind: 'cloudflare', target: 'z1', token: 'a-secret', apiUrl, retryDelayMs: 1 },
        warn: () => {},
      });
      assert.equal(await purge('a.jpg', 'o-1', new AbortController().signal), 'failed');
      assert.deepEqual(new Set(calls), new Set(['the CDN']));
    });
  }
});
