import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { listen } from '../../src/process/listen.ts';

const systemError = (code: string) => Object.assign(new Error(code), { code });

describe('the port', () => {
  it('on :: takes IPv4 and IPv6', async (context) => {
    const server = createServer((_request, response) => response.end('here'));
    context.after(() => server.close());
    const app = {
      listen: ({ host, port }: { host: string; port: number }) =>
        new Promise<string>((resolve, reject) => {
          server.once('error', reject);
          server.listen(port, host, () => resolve(host));
        }),
    };
    await listen(app, { host: '::', port: 0 });
    const { port } = server.address() as AddressInfo;
    for (const host of ['127.0.0.1', '[::1]'])
      assert.equal(await (await fetch(`http://${host}:${port}/`)).text(), 'here', host);
  });

  it('is on IPv4 alone where the machine has no IPv6, and no other failure is hidden', async () => {
    const tried: string[] = [];
    const without = (code: string) => ({
      async listen({ host }: { host: string }) {
        tried.push(host);
        if (host.includes(':')) throw systemError(code);
        return `http://${host}`;
      },
    });
    assert.equal(await listen(without('EAFNOSUPPORT'), { host: '::', port: 1 }), 'http://0.0.0.0');
    assert.deepEqual(tried, ['::', '0.0.0.0']);
    await assert.rejects(listen(without('EADDRINUSE'), { host: '::', port: 1 }), /EADDRINUSE/);
    await assert.rejects(listen(without('EAFNOSUPPORT'), { host: '::1', port: 1 }), /EAFNOSUPPORT/);
  });
});
