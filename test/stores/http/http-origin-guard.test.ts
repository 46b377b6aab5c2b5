import assert from 'node:assert/strict';
import { isIP, type LookupFunction, Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import tls from 'node:tls';
import { createHttpOrigin, type HttpOriginOptions } from '../../../src/stores/http/http-origin.ts';
import { behaviours, startOriginServer } from '../../helpers/origin-server.ts';
import { startFaultyServer } from '../../helpers/tcp-faults.ts';

const live = () => ({ signal: new AbortController().signal, maxBytes: 1_000_000 });
const resolved = (address: string) => ({ address, family: isIP(address) });
const _OK = 'HTTP/1.1 200 OK\r\n';
type Origin = Awaited<ReturnType<typeof startOriginServer>>;
const _reading = (origin: Origin, more: Partial<HttpOriginOptions> = {}) =>
  createHttpOrigin({ baseUrl: origin.url, timeoutMs: 400, allowPrivate: true, maxConnections: 5, ...more });

describe('an HTTP origin on the public internet only', () => {
  it('connects to no private address, by number, by name or by redirect', async (context) => {
    const canary = await startFaultyServer(() => {});
    context.after(() => canary.dispose());
    const refused = async (options: Partial<HttpOriginOptions>) => {
      const reader = createHttpOrigin({
        baseUrl: `https://127.0.0.1:${canary.port}/`,
        timeoutMs: 2000,
        allowPrivate: false,
        ...options,
      });
      await assert.rejects(reader.get('a.jpg', live()), { code: 'store_failed' });
      await reader.close();
    };
    const hosts = [
      '127.0.0.1',
      'localhost',
      '127.1',
      '2130706433',
      '0x7f.1',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '169.254.169.254',
      '10.0.0.1',
      '[fdaa::1]',
    ];
    for (const host of hosts) await refused({ baseUrl: `https://${host}:${canary.port}/` });
    await refused({ baseUrl: `http://127.0.0.1:${canary.port}/` });
    await refused({ baseUrl: `https://user:pass@127.0.0.1:${canary.port}/` });
    for (const addresses of [['8.8.8.8', '127.0.0.1'], ['127.0.0.1'], ['::1'], []]) {
      await refused({
        baseUrl: `https://name.example:${canary.port}/`,
        resolveName: async () => addresses.map(resolved),
      });
    }
    assert.equal(canary.connections(), 0);
  });

  const NAMES: Record<string, string[]> = {
    'shop.example': ['8.8.8.8'],
    'cdn.example': ['1.1.1.1', '2606:4700::1'],
    'inside.example': ['10.0.0.1'],
    'mixed.example': ['8.8.8.8', '127.0.0.1'],
  };

  /** The public internet: TLS sockets look names up as the real ones do, and then all lead to one origin. */
  function internet(context: TestContext, { port }: Origin): string[] {
    const reached: string[] = [];
    context.mock.method(tls, 'connect', (to: { host: string; port: number; lookup: LookupFunction }) => {
      const socket = new Socket();
      const go = (error: Error | null) => {
        if (error) return socket.destroy(error);
        reached.push(`${to.host}:${to.port}`);
        socket.connect(port, '127.0.0.1', () => socket.emit('secureConnect'));
      };
      if (isIP(to.host)) go(null);
      else to.lookup(to.host, { all: true }, go);
      return socket;
    });
    return reached;
  }
  const publicOrigin = (more: Partial<HttpOriginOptions> = {}) =>
    createHttpOrigin({
      ...{ baseUrl: 'https://shop.example/', timeoutMs: 2000, allowPrivate: false },
      resolveName: async (name) => (NAMES[name] ?? []).map(resolved),
      ...more,
    });

  it('follows redirects to public places and to no others', async (context) => {
    const origin = await startOriginServer();
    const reached = internet(context, origin);
    origin.seed('good.jpg', Buffer.from('good'));
    const reader = publicOrigin();
    origin.script('public', behaviours.redirects('https://cdn.example/good.jpg'));
    assert.equal((await reader.get('public', live()))?.body.toString(), 'good');
    assert.deepEqual(reached.splice(0), ['shop.example:443', 'cdn.example:443']);

    for (const to of [
      'https://169.254.169.254/latest/meta-data/',
      ...[
        'https://127.0.0.1/',
        'https://2130706433/',
        'https://0x7f.1/',
        'https://[::1]/',
        'https://[::ffff:10.0.0.1]/',
      ],
      ...['https://0.0.0.0/', 'https://100.64.0.1/', 'https://[fdaa:0:1::3]/', 'https://[2002:7f00:1::]/'],
      ...['https://[64:ff9b::7f00:1]/', 'https://[2001:0:7f00:1::]/', 'https://[::127.0.0.1]/', 'https://0177.0.0.1/'],
      ...['https://inside.example/', 'https://mixed.example/', 'https://unknown.example/'],
      ...['http://shop.example/good.jpg', 'ftp://shop.example/', 'https://user:pass@shop.example/good.jpg'],
      ...['https://shop.example:22/good.jpg', '//shop.example:8443/good.jpg'],
    ]) {
      origin.script('elsewhere', behaviours.redirects(to));
      const before = origin.requests.length;
      await assert.rejects(reader.get('elsewhere', live()), { code: 'store_failed' }, to);
      assert.equal(origin.requests.length - before, 1, to);
    }
    assert.ok(reached.every((place) => place === 'shop.example:443'));
    await reader.close();
    await origin.dispose();
  });

  it('is never read without TLS, and a private one not after it', async (context) => {
    const origin = await startOriginServer();
    internet(context, origin);
    const plain = publicOrigin({ baseUrl: 'http://shop.example/' });
    await assert.rejects(
      plain.get('a.jpg', live()),
      ({ code, cause }) => code === 'store_failed' && /https/.test(cause),
    );
    await plain.close();
    origin.seed('good.jpg', Buffer.from('good'));
    origin.script('down', behaviours.redirects(`${origin.url}good.jpg`));
    const reader = createHttpOrigin({ baseUrl: 'https://127.0.0.1/', timeoutMs: 2000, allowPrivate: true });
    await assert.rejects(reader.get('down', live()), { code: 'store_failed' });
    assert.deepEqual(origin.requests, [{ method: 'GET', url: '/down' }]);
    await reader.close();
    await origin.dispose();
  });

  it('reaches the port of its base URL as well as the usual one', async (context) => {
    const origin = await startOriginServer();
    const reached = internet(context, origin);
    origin.script('moved', behaviours.redirects('https://cdn.example:8443/good.jpg'));
    origin.seed('good.jpg', Buffer.from('good'));
    const reader = publicOrigin({ baseUrl: 'https://shop.example:8443/' });
    assert.equal((await reader.get('moved', live()))?.body.toString(), 'good');
    assert.deepEqual(reached, ['shop.example:8443', 'cdn.example:8443']);
    await reader.close();
    await origin.dispose();
  });

  it('checks a name again for every connection', async (context) => {
    const origin = await startOriginServer();
    const reached = internet(context, origin);
    origin.script('once', (response) => response.writeHead(200, { connection: 'close' }).end('good'));
    const answers = ['8.8.8.8', '127.0.0.1'];
    const reader = publicOrigin({ resolveName: async () => [resolved(answers.shift() ?? '127.0.0.1')] });
    assert.equal((await reader.get('once', live()))?.body.toString(), 'good');
    await assert.rejects(reader.get('once', live()), { code: 'store_failed' });
    assert.equal(reached.length, 1);
    await reader.close();
    await origin.dispose();
  });
});
