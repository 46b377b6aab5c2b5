import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface GatewayOptions {
  /** Of the real server. */
  readonly endpoint: string;
  /** Where the gateway serves it: empty, or a path without a slash at its end. */
  readonly path?: string;
  /**
   * How conditions on writes are taken: only with quotes, not at all, or with 501. The real server's own way when left out.
   */
  readonly conditions?: 'quoted' | 'ignored' | 'refused';
  /** Answers instead of the real server (a status), or loses the answer that this gives. Asked for each request. */
  readonly spoil?: (request: IncomingMessage) => number | 'lose the answer' | undefined;
}

type Headers = Record<string, string>;

/**
 * A gateway in front of a real S3 server that is to the outside another kind of server. It checks the signature of what comes
 * and signs what it passes on, with a SigV4 of its own:
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
export async function startS3Gateway({ endpoint, path = '', conditions, spoil }: GatewayOptions) {
  const upstream = new URL(endpoint);
  const requests: string[] = [];
  const server = createServer(async (incoming, answer) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const { method = '', url = '' } = incoming;
    requests.push(`${method} ${url}`);
    const says = (status: number, code: string) =>
      void answer.writeHead(status).end(`<Error><Code>${code}</Code></Error>`);
    const headers = Object.fromEntries(
      Object.entries(incoming.headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
    );
    if (!url.startsWith(`${path}/`)) return says(404, 'NoSuchBucket');
    if (!isSigned(method, url, headers)) return says(403, 'SignatureDoesNotMatch');
    const spoilt = spoil?.(incoming);
    if (typeof spoilt === 'number') return void answer.writeHead(spoilt).end();

    const conditional = method === 'PUT' && (headers['if-match'] ?? headers['if-none-match']) !== undefined;
    if (conditional && conditions === 'refused') return says(501, 'NotImplemented');
    if (conditions === 'ignored')
      for (const name of ['if-match', 'if-none-match']) if (method === 'PUT') delete headers[name];
    if (conditions === 'quoted' && headers['if-match']) {
      const [, bare] = /^"(.*)"$/.exec(headers['if-match']) ?? [];
      if (bare === undefined) return says(412, 'PreconditionFailed');
      headers['if-match'] = bare;
    }
    pass(method, url.slice(path.length), headers, Buffer.concat(chunks), answer, spoilt !== undefined);
  });

  function pass(
    method: string,
    url: string,
    given: Headers,
    body: Buffer,
    answer: ServerResponse,
    lose: boolean,
  ): void {
    const { authorization: _, connection: __, ...headers }: Headers = { ...given, host: upstream.host };
    const [target = '', query] = unpresigned(url);
    const time = given['x-amz-date'] ?? now();
    const payload = hash(body);
    const all: Headers = { ...headers, 'x-amz-content-sha256': payload, 'x-amz-date': time };
    const names = Object.keys(all).filter((name) => name.startsWith('x-amz-') || name === 'host');
    const { AWS_ACCESS_KEY_ID: id } = process.env;
    const signature = sign(method, target, query, all, names, time, payload);
    const scope = `${time.slice(0, 8)}/us-east-1/s3/aws4_request`;
    const authorization = `AWS4-HMAC-SHA256 Credential=${id}/${scope}, SignedHeaders=${names.sort().join(';')}, Signature=${signature}`;
    const { hostname: host, port } = upstream;
    const forwarded = request({
      ...{ host, port, method, path: query ? `${target}?${query}` : target },
      ...{ headers: { ...all, authorization }, agent: false },
    });
    forwarded.on('response', (reply) => {
      if (lose) return void reply.resume().on('end', () => answer.socket?.resetAndDestroy());
      answer.writeHead(reply.statusCode ?? 500, reply.headers);
      reply.pipe(answer);
    });
    forwarded.on('error', () => answer.destroy());
    forwarded.end(body);
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}${path}`,
    /** Method and URL of each. */
    requests,
    async dispose() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Whether the signature in header or query is that of the tests' user for this request as it came. */
function isSigned(method: string, url: string, headers: Headers): boolean {
  const [path = '', query = ''] = url.split('?');
  const presigned = new URLSearchParams(query);
  const [, names = '', given = ''] = /SignedHeaders=([^,]+), ?Signature=(\w+)/.exec(headers.authorization ?? '') ?? [
    '',
    presigned.get('X-Amz-SignedHeaders') ?? '',
    presigned.get('X-Amz-Signature') ?? '',
  ];
  const time = headers['x-amz-date'] ?? presigned.get('X-Amz-Date') ?? '';
  const payload = headers['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD';
  const signed = query.split('&').filter((part) => !part.startsWith('X-Amz-Signature='));
  const expected = sign(method, path, signed.join('&'), headers, names.split(';'), time, payload);
  return given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected));
}

/** Path and query, without the parameters of a presigned URL. */
function unpresigned(url: string): [path: string, query: string] {
  const [path = '', query = ''] = url.split('?');
  return [
    path,
    query
      .split('&')
      .filter((part) => !/^X-Amz-|^x-amz-(?:checksum|sdk)/.test(part))
      .join('&'),
  ];
}

function sign(
  method: string,
  path: string,
  query: string,
  headers: Headers,
  names: string[],
  time: string,
  payload: string,
): string {
  const sorted = names.toSorted();
  const parts = query
    .split('&')
    .filter(Boolean)
    .map((part) => (part.includes('=') ? part : `${part}=`));
  const lines = sorted.map((name) => `${name}:${(headers[name] ?? '').trim().replace(/ +/g, ' ')}`);
  const canonical = [method, path, parts.sort().join('&'), ...lines, '', sorted.join(';'), payload].join('\n');
  const scope = [time.slice(0, 8), 'us-east-1', 's3', 'aws4_request'];
  const { AWS_SECRET_ACCESS_KEY: secret } = process.env;
  const key = scope.reduce<Buffer | string>((last, step) => hmac(last, step).digest(), `AWS4${secret}`);
  return hmac(key, ['AWS4-HMAC-SHA256', time, scope.join('/'), hash(canonical)].join('\n')).digest('hex');
}

const hash = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');
const hmac = (key: Buffer | string, text: string) => createHmac('sha256', key).update(text);
const now = () => new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
