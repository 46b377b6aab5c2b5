import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { gzipSync } from 'node:zlib';

/** What goes wrong with one request; what is not named goes through to the real server and back. */
export type Fault =
  | 'silence'
  | 'stalled body'
  | 'dripping body'
  | 'reset'
  | 'reset in the body'
  | 'cut short'
  | 'too long'
  | 'altered'
  | 'web page'
  | 'gzip'
  | '403 AccessDenied'
  | '403 RequestTimeTooSkewed'
  | '404 NoSuchKey'
  | '404 NoSuchBucket'
  | '500 InternalError'
  | '503 SlowDown';

const DRIP_MS = 100;

/** An HTTP proxy in front of a real server that spoils what it is told to, and counts. */
export async function startFaultProxy(target: string) {
  const upstream = new URL(target);
  const sockets = new Set<Socket>();
  const control = {
    /** Asked for each request. */
    fault: (_request: IncomingMessage): Fault | undefined => undefined,
    requests: 0,
    injected: 0,
  };
  const timers = new Set<NodeJS.Timeout>();

  const server = createServer((incoming) => {
    control.requests += 1;
    const fault = control.fault(incoming);
    if (fault) control.injected += 1;
    const [, status, code] = /^(\d{3}) (\w+)$/.exec(fault ?? '') ?? [];
    // Read, whatever comes of it: a server that answers while it is still sent a body breaks other things than we mean.
    const chunks: Buffer[] = [];
    incoming.on('error', () => {});
    incoming.on('data', (chunk) => chunks.push(chunk));
    incoming.on('end', () => {
      if (fault === 'silence') return;
      if (fault === 'reset') return void incoming.socket.resetAndDestroy();
      if (status) {
        return answerWith(incoming.socket, status, 'application/xml', `<Error><Code>${code}</Code></Error>`);
      }
      if (fault === 'web page') {
        return answerWith(incoming.socket, '200', 'text/html', '<!doctype html><h1>Welcome to your new proxy!</h1>');
      }
      const { method = 'GET', url: path = '/', headers } = incoming;
      // With the headers as they were signed, the host's name included.
      const { hostname: host, port } = upstream;
      const forwarded = request({ host, port, method, path, headers, agent: false }, (answer) => {
        const body: Buffer[] = [];
        answer.on('data', (chunk) => body.push(chunk));
        answer.on('end', () => spoil(incoming.socket, answer, Buffer.concat(body), fault));
      });
      forwarded.on('error', () => incoming.socket.destroy());
      forwarded.end(Buffer.concat(chunks));
    });
  });

  // Everything is written to the socket: a response object left open would hold up those of later requests.
  function answerWith(socket: Socket, status: string, type: string, body: string): void {
    // The date of a server for which ours is a quarter of an hour late; only the one who complains of it means it.
    const date = new Date(Date.now() + (body.includes('Skewed') ? 900_000 : 0)).toUTCString();
    socket.write(
      `HTTP/1.1 ${status} X\r\ndate: ${date}\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
  }

  /** Written by hand, because Node's own server would not write what is wrong. */
  function spoil(socket: Socket, answer: IncomingMessage, body: Buffer, fault: Fault | undefined): void {
    const encoded = fault === 'gzip' ? gzipSync(body) : body;
    const headers = Object.entries(answer.headers).filter(
      ([name]) => !['content-length', 'transfer-encoding', 'connection'].includes(name),
    );
    headers.push(['content-length', String(encoded.length)], ['connection', 'keep-alive']);
    if (fault === 'gzip') headers.push(['content-encoding', 'gzip']);
    const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const empty = answer.statusCode === 204 || answer.statusCode === 304;
    socket.write(`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\n${lines}\r\n`);
    const half = encoded.subarray(0, encoded.length >> 1);
    if (empty) return;
    if (fault === 'stalled body') return void socket.write(half);
    if (fault === 'reset in the body') return void socket.write(half, () => socket.resetAndDestroy());
    if (fault === 'cut short') return void socket.end(half);
    if (fault === 'too long') return void socket.write(Buffer.concat([encoded, Buffer.from('and more')]));
    if (fault === 'dripping body') {
      let sent = 0;
      const timer = setInterval(() => {
        if (socket.destroyed) return clearInterval(timer);
        socket.write(encoded.subarray(sent, sent + 1));
        sent += 1;
      }, DRIP_MS);
      timers.add(timer);
      return;
    }
    const altered = Buffer.from(encoded);
    // Near the end: the beginning of a JPEG is its tables, and without those it would not be one.
    if (fault === 'altered') for (let at = altered.length >> 1; at < altered.length; at += 7) altered[at] = 0x55;
    socket.write(altered);
  }

  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    control,
    endpoint: `http://127.0.0.1:${port}`,
    open: () => sockets.size,
    /** As a suspended machine finds its connections when it wakes. */
    cutAll() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    async dispose() {
      for (const timer of timers) clearInterval(timer);
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export type FaultProxy = Awaited<ReturnType<typeof startFaultProxy>>;
