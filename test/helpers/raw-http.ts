import { type Agent, type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { PATIENCE_MS } from './turns.ts';

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A GET (unless told) of exactly this path: no client of the web's own may tidy it first. */
export function rawGet(
  baseUrl: string,
  path: string,
  options: { agent?: Agent; headers?: Record<string, string>; method?: string } = {},
): Promise<RawAnswer> {
  const { hostname, port } = new URL(baseUrl);
  return new Promise((resolve, reject) => {
    const { agent = false, headers = {}, method = 'GET' } = options;
    request({ hostname, port, path, agent, headers, method }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    })
      .on('error', reject)
      .end();
  });
}

/**
 * Sends text over a fresh connection, one byte a character, and resolves to all that came back once the server has closed
 * it. Fails after `PATIENCE_MS` without a byte.
 */
export function rawExchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(port, '127.0.0.1', () => socket.write(text, 'latin1'));
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('the server did not close')));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
  });
}

/** One answer out of a raw exchange. */
export interface SplitAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** The answers in what came back over one connection, by their Content-Length. `rest`: what is no whole one. */
export function splitAnswers(text: string): { answers: SplitAnswer[]; rest: string } {
  const answers: SplitAnswer[] = [];
  let rest = text;
  for (;;) {
    const [head] = /^HTTP\/1\.1 \d{3} [\s\S]*?\r\n\r\n/.exec(rest) ?? [];
    if (head === undefined) return { answers, rest };
    const [, length = '0'] = /\r\ncontent-length: (\d+)\r\n/i.exec(head) ?? [];
    const end = head.length + Number(length);
    if (rest.length < end) return { answers, rest };
    answers.push({ status: Number(head.slice(9, 12)), head, body: rest.slice(head.length, end) });
    rest = rest.slice(end);
  }
}
