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
  endless: (): Behaviour => (response) => {
    response.writeHead(200);
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
  const bodies = new Map<string, { body: Buffer; contentType: string }>();
  const scripts = new Map<string, Behaviour>();
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    response.on('error', () => {});
    const key = decodeURIComponent((request.url ?? '').slice(1));
    const script = scripts.get(key);
    const found = bodies.get(key);
    if (script) return script(response, request);
    if (!found) return response.writeHead(404).end('not here');
    response.writeHead(200, { 'content-type': found.contentType, 'content-length': found.body.length }).end(found.body);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
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
    requests,
    openSockets: () => sockets.size,
    seed(key: string, body: Buffer, contentType = 'application/octet-stream') {
      bodies.set(key, { body, contentType });
    },
    script(key: string, behaviour: Behaviour) {
      scripts.set(key, behaviour);
    },
  };
}
