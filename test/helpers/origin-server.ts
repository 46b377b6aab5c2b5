import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { after } from 'node:test';

/** What the origin does instead of answering a key. */
export type Behaviour = (response: ServerResponse, request: IncomingMessage) => void;

export const behaviours = {
  /** Accepts and never answers. */
  silent: (): Behaviour => () => {},
  /** Sends a part and then nothing. */
  stalls:
    (announced = 1000): Behaviour =>
    (response) => {
      response.writeHead(200, { 'content-length': announced }).write('part');
    },
  /** Sends a byte now and then, for ever. */
  drips: (): Behaviour => (response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write('.'), 20);
    response.on('close', () => clearInterval(timer));
  },
  /** Sends as fast as it can, for ever. */
  endless: (): Behaviour => (response, request) => {
    response.writeHead(200);
    behaviours.pours()(response, request);
  },
  /** The same, after whatever head was written. */
  pours: (): Behaviour => (response) => {
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
    };
    response.on('drain', more);
    more();
  },
  redirects:
    (to: string, status = 302): Behaviour =>
    (response) => {
      response.writeHead(status, { location: to }).end('moved');
    },
  /** Redirects to itself that many times, counted in the query, and then to another place. */
  redirectsTimes:
    (times: number, to: string): Behaviour =>
    (response, request) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://origin.example');
      const hop = Number(searchParams.get('hop') ?? 0) + 1;
      response.writeHead(302, { location: hop < times ? `${pathname}?hop=${hop}` : to }).end('moved');
    },
  /** Sends these bytes as they are, head included. */
  sendsRaw:
    (bytes: string): Behaviour =>
    (response) => {
      response.socket?.write(bytes);
    },
  /** Sends these bytes as they are and hangs up. */
  hangsUpAfter:
    (bytes: string): Behaviour =>
    (response) => {
      response.socket?.end(bytes);
    },
  /** Says one length and sends another. */
  lies:
    (announced: number, body: Buffer): Behaviour =>
    (response) => {
      const { socket } = response as ServerResponse & { socket: Socket };
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${announced}\r\n\r\n`);
      socket.write(body);
      if (body.length < announced) socket.end();
    },
  cutsOff: (): Behaviour => (response) => {
    response.writeHead(200, { 'content-length': 100_000 }).write(Buffer.alloc(1000), () => response.destroy());
  },
  slams: (): Behaviour => (response) => {
    response.destroy();
  },
  encodes:
    (encoding: string): Behaviour =>
    (response) => {
      response.writeHead(200, { 'content-encoding': encoding }).end('encoded');
    },
  says:
    (status: number, headers: Record<string, string> = {}): Behaviour =>
    (response) => {
      response.writeHead(status, headers).end(status === 204 ? undefined : 'body');
    },
} as const;

const running = new Set<() => Promise<unknown>>();
after(() => Promise.all(Array.from(running, (dispose) => dispose())));

/** An HTTP origin of the tests' own, on loopback. Keys are matched as the origin decodes them. */
export async function startOriginServer() {
  const bodies = new Map<string, { body: Buffer; headers: Record<string, string | number> }>();
  const scripts = new Map<string, Behaviour>();
  const requests: { readonly method: string; readonly url: string }[] = [];
  let fallen: { readonly behaviour: Behaviour; readonly prefix: string } | undefined;
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((request, response) => {
    const { method = '', url = '' } = request;
    requests.push({ method, url });
    response.on('error', () => {});
    const key = decodeURIComponent(url.slice(1).split('?', 1)[0] ?? '');
    const script = scripts.get(key) ?? (fallen && key.startsWith(fallen.prefix) ? fallen.behaviour : undefined);
    const found = bodies.get(key);
    if (script) return script(response, request);
    if (!found) return response.writeHead(404).end('not here');
    response.writeHead(200, found.headers).end(found.body);
  });
  server.on('connection', (socket) => {
    connections += 1;
    sockets.add(socket);
    // What is scripted by hand is often cut off by the other side.
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const dispose = async () => {
    if (!running.delete(dispose)) return;
    server.closeAllConnections();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  running.add(dispose);

  return {
    dispose,
    url: `http://127.0.0.1:${port}/`,
    port,
    requests: requests as ReadonlyArray<{ readonly method: string; readonly url: string }>,
    openSockets: () => sockets.size,
    /** All that were ever accepted. */
    connections: () => connections,
    seed(key: string, body: Buffer, contentType = 'application/octet-stream') {
      const headers = {
        ...{ 'content-type': contentType, 'content-length': body.length },
        etag: `"${createHash('sha256').update(body).digest('hex')}"`,
        'last-modified': new Date().toUTCString(),
      };
      bodies.set(key, { body, headers });
    },
    /** For all keys that begin so and have no behaviour of their own. */
    fallback(behaviour: Behaviour, prefix = '') {
      fallen = { behaviour, prefix };
    },
    script(key: string, behaviour: Behaviour) {
      scripts.set(key, behaviour);
    },
  };
}
