import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { readS3Environment } from '../../../src/process/s3-environment.ts';
import { bucketUrl } from '../../../src/stores/s3/bucket-url.ts';
import type { S3Requests } from '../../../src/stores/s3/requests.ts';
import { createSignedRequests } from '../../../src/stores/s3/signed-requests.ts';
import { createSigner, encodeS3Key, sha256Hex } from '../../../src/stores/s3/sigv4.ts';
import { legalId } from '../../helpers/arbitraries.ts';
import { closedPort, startFaultyServer } from '../../helpers/tcp-faults.ts';
import { turns } from '../../helpers/turns.ts';

/** The example keys of AWS's documentation. */
const CREDENTIALS = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};

interface Sent {
  readonly hostname: string;
  readonly port?: number;
  readonly protocol: string;
  readonly path: string;
  readonly headers: Record<string, string>;
}

/** What the SDK would send. */
async function sentBySdk(
  place: { region: string; endpoint?: string | undefined; pathStyle?: boolean },
  object: { bucket: string; key: string },
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string } = CREDENTIALS,
): Promise<Sent> {
  let sent: Sent | undefined;
  const client = new S3Client({
    ...{ region: place.region, forcePathStyle: place.pathStyle ?? false, credentials, maxAttempts: 1 },
    ...(place.endpoint ? { endpoint: place.endpoint } : {}),
    requestHandler: {
      async handle(request: Sent) {
        sent = request;
        throw new Error('sent');
      },
    } as never,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  // The name of the call, which it adds for those who read logs.
  client.middlewareStack.add(
    (next) => (call) => {
      (call.request as { query: Record<string, string> }).query = {};
      return next(call);
    },
    { step: 'build', priority: 'low' },
  );
  await assert.rejects(client.send(new GetObjectCommand({ Bucket: object.bucket, Key: object.key })), /sent/);
  client.destroy();
  assert.ok(sent);
  return sent;
}

describe('signatures of GETs', () => {
  it('are those of the documentation', () => {
    // https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "GET Object"
    const headers = createSigner({ region: 'us-east-1' })(
      { host: 'examplebucket.s3.amazonaws.com', path: '/test.txt', headers: { range: 'bytes=0-9' } },
      CREDENTIALS,
      new Date('2013-05-24T00:00:00Z'),
    );
    assert.deepEqual(headers, {
      range: 'bytes=0-9',
      'x-amz-content-sha256': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      'x-amz-date': '20130524T000000Z',
      authorization:
        'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, ' +
        'SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, ' +
        'Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    });
  });

  it('cover method, body and headers of a write, as in the documentation', () => {
    // https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "PUT Object"
    const headers = createSigner({ region: 'us-east-1' })(
      {
        ...{ method: 'PUT', host: 'examplebucket.s3.amazonaws.com', path: '/test%24file.text' },
        headers: { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
        sha256: sha256Hex('Welcome to Amazon S3.'),
      },
      CREDENTIALS,
      new Date('2013-05-24T00:00:00Z'),
    );
    assert.match(headers.authorization, /=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd$/);
  });

  it('are those of the SDK, for any key, any secret, and with a session', async () => {
    const text = fc.string({ minLength: 1, maxLength: 60, unit: fc.constantFrom(...'abcXYZ0189/+=') });
    await fc.assert(
      fc.asyncProperty(legalId, text, fc.option(text), async (key, secretAccessKey, token) => {
        // The SDK cuts dots out of paths; whoever signs URLs cannot make such ids.
        const credentials = { ...CREDENTIALS, secretAccessKey, ...(token === null ? {} : { sessionToken: token }) };
        const place = { region: 'eu-central-1', endpoint: 'http://127.0.0.1:7480', pathStyle: true };
        const sent = await sentBySdk(place, { bucket: 'some-bucket', key }, credentials);
        assert.equal(`/some-bucket/${encodeS3Key(key)}`, sent.path);
        const { authorization = '', 'x-amz-date': date = '', host = '' } = sent.headers;
        const [, names = ''] = /SignedHeaders=([^,]+)/.exec(authorization) ?? [];
        const ours = new Set(['host', 'x-amz-content-sha256', 'x-amz-date', 'x-amz-security-token']);
        const headers = Object.fromEntries(
          names.split(';').flatMap((name) => (ours.has(name) ? [] : [[name, sent.headers[name] ?? '']])),
        );
        const at = new Date(date.replace(/(....)(..)(..)T(..)(..)(..)Z/, '$1-$2-$3T$4:$5:$6Z'));
        const signed = createSigner(place)({ host, path: sent.path, headers }, credentials, at);
        assert.equal(signed.authorization, authorization);
      }),
      { numRuns: 200 },
    );
  });

  it('follow the day, the secret and the region', () => {
    const sign = createSigner({ region: 'us-east-1' });
    const request = { host: 'h', path: '/p' };
    const signature = (credentials = CREDENTIALS, at = '2026-01-01T00:00:00Z', by = sign) =>
      by(request, credentials, new Date(at)).authorization;
    const all = [
      signature(),
      signature({ ...CREDENTIALS, secretAccessKey: 'other' }),
      signature(CREDENTIALS, '2026-01-02T00:00:00Z'),
      signature(CREDENTIALS, '2026-01-01T00:00:01Z'),
      signature(CREDENTIALS, '2026-01-01T00:00:00Z', createSigner({ region: 'eu-west-1' })),
    ];
    assert.equal(new Set(all).size, all.length);
    assert.equal(signature(), all[0]);
  });
});

describe('where a bucket is', () => {
  const at = (bucket: string, region: string, endpoint?: string, pathStyle = false) =>
    bucketUrl({ bucket, region, endpoint, pathStyle });

  const cases: [bucket: string, region: string, endpoint?: string | undefined, pathStyle?: boolean][] = [
    ['plain', 'us-east-1'],
    ['plain', 'eu-central-1'],
    ['plain', 'eu-central-1', undefined, true],
    ['with.dots', 'us-west-2'],
    ['plain', 'auto', 'https://fly.storage.tigris.dev'],
    ['plain', 'auto', 'https://account.r2.cloudflarestorage.com', true],
    ['plain', 'us-east-1', 'http://127.0.0.1:7480', true],
    ['plain', 'us-east-1', 'http://127.0.0.1:7480'],
    ['plain', 'us-east-1', 'http://[::1]:7480'],
    ['Old_Bucket', 'us-east-1', 'https://s3.example.com'],
    ['plain', 'us-east-1', 'https://s3.example.com:8443/below/this', true],
    ['plain', 'us-east-1', 'https://s3.example.com:443'],
  ];
  for (const [bucket, region, endpoint, pathStyle = false] of cases) {
    it(`is where the SDK says: ${bucket} in ${region}${endpoint ? ` at ${endpoint}` : ''}${pathStyle ? ', by path' : ''}`, async () => {
      const sent = await sentBySdk({ region, endpoint, pathStyle }, { bucket, key: 'a/b' });
      const found = at(bucket, region, endpoint, pathStyle);
      const expected = new URL(
        `${sent.protocol}//${sent.hostname}${sent.port === undefined ? '' : `:${sent.port}`}${sent.path}`,
      );
      assert.deepEqual(
        [found?.origin, found?.host, `${found?.path}/a/b`],
        [expected.origin, expected.host, expected.pathname],
      );
    });
  }

  it('is left to the SDK where that may know better', () => {
    assert.equal(at('arn:aws:s3:us-east-1:123456789012:accesspoint/x', 'us-east-1'), undefined);
    assert.equal(at('express--use1-az4--x-s3', 'us-east-1'), undefined);
    assert.equal(at('plain', 'cn-north-1'), undefined);
    assert.equal(at('plain', 'us-gov-west-1'), undefined);
    assert.equal(at('plain', 'us-east-1', 'https://s3.us-east-1.amazonaws.com'), undefined);
    const options = { bucket: 'plain', region: 'us-east-1', endpoint: undefined, pathStyle: false };
    assert.ok(bucketUrl(options));
    const clean = { HOME: '/nowhere' };
    assert.equal(readS3Environment(clean).endpointElsewhere, false);
    for (const name of ['AWS_ENDPOINT_URL', 'AWS_PROFILE', 'AWS_CONFIG_FILE', 'AWS_USE_FIPS_ENDPOINT']) {
      const { endpointElsewhere } = readS3Environment({ ...clean, [name]: 'true' });
      assert.equal(bucketUrl({ ...options, endpointElsewhere }), undefined, name);
    }
  });

  it('and whose it is: by the environment, where that is complete and nothing comes before it', () => {
    const keys = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 's' };
    const of = (env: Record<string, string>) => readS3Environment({ HOME: '/nowhere', ...env }).credentials;
    assert.deepEqual(of(keys), { accessKeyId: 'a', secretAccessKey: 's', sessionToken: undefined });
    assert.deepEqual(of({ ...keys, AWS_SESSION_TOKEN: 't' })?.sessionToken, 't');
    assert.equal(of({ AWS_ACCESS_KEY_ID: 'a' }), undefined);
    assert.equal(of({ ...keys, AWS_PROFILE: 'p' }), undefined);
  });
});

describe('an answer of S3', () => {
  const OPTIONS = { bucket: 'b', region: 'us-east-1', pathStyle: true, timeoutMs: 2000, maxSockets: 2 };
  const get = async (reader: S3Requests | undefined, key: string, limit = new AbortController().signal) => {
    assert.ok(reader);
    return reader.send({ method: 'GET', key, limits: { maxBytes: 1000 } }, limit);
  };

  async function against(replies: string[], work: (reader: S3Requests) => Promise<void>) {
    let asked = 0;
    const heads: string[] = [];
    const server = await startFaultyServer((socket) => {
      socket.on('data', (data) => {
        heads.push(String(data));
        socket.write(replies[Math.min(asked, replies.length - 1)] ?? '');
        asked += 1;
      });
    });
    const reader = createSignedRequests({
      ...OPTIONS,
      endpoint: `http://127.0.0.1:${server.port}`,
      credentials: async () => CREDENTIALS,
    });
    if (!reader) throw new Error('not read directly');
    try {
      await work(reader);
    } finally {
      await reader.close();
      await server.dispose();
    }
    return { asked, heads, connections: server.connections() };
  }
  const answer = (head: string, body = '') =>
    `HTTP/1.1 ${head}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

  it('comes over the connection that was opened ahead', async () => {
    const head = answer('403 Forbidden', '<Error><Code>AccessDenied</Code></Error>');
    const { heads, connections } = await against([head, answer('200 OK', 'x')], async (reader) => {
      await reader.connect();
      // The pool takes it back after its listeners.
      await turns();
      assert.equal(String((await get(reader, 'k'))?.body), 'x');
    });
    assert.match(heads[0] ?? '', /^GET \/b\/.connect HTTP/);
    assert.doesNotMatch(heads[0] ?? '', /authorization/i);
    assert.equal(connections, 1);
  });

  it('that never comes to the connection opened ahead holds no read up', async () => {
    const opening = Promise.withResolvers<void>();
    const server = await startFaultyServer((socket) => {
      socket.on('data', (data) => {
        if (String(data).startsWith('GET /b/.connect ')) opening.resolve();
        else socket.write(answer('200 OK', 'x'));
      });
    });
    const reader = createSignedRequests({
      ...{ ...OPTIONS, timeoutMs: 30_000, endpoint: `http://127.0.0.1:${server.port}` },
      credentials: async () => CREDENTIALS,
    });
    assert.ok(reader);
    let opened = false;
    const connecting = reader.connect().then(() => {
      opened = true;
    });
    await opening.promise;
    assert.equal(String((await get(reader, 'k'))?.body), 'x');
    assert.equal(opened, false);
    await reader.close();
    // It ends with the reader, and not by an exception.
    await connecting;
    await server.dispose();
  });

  it('is not missed where no connection can be opened ahead', async () => {
    const reader = createSignedRequests({
      ...{ ...OPTIONS, endpoint: `http://127.0.0.1:${await closedPort()}` },
      credentials: async () => CREDENTIALS,
    });
    assert.equal(await reader?.connect(), undefined);
    await assert.rejects(get(reader, 'k'), {
      code: 'ECONNREFUSED',
    });
    await reader?.close();
  });

  it('of an unknown length is read, up to the limit', async () => {
    const chunked = (text: string) =>
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
    const limit = new AbortController().signal;
    await against([chunked('hello'), chunked('x'.repeat(2000)), answer('200 OK', 'after')], async (reader) => {
      assert.equal(String((await get(reader, 'k', limit))?.body), 'hello');
      await assert.rejects(get(reader, 'k', limit), { code: 'original_too_large' });
      assert.equal(String((await get(reader, 'k', limit))?.body), 'after');
    });
  });

  it('that says 404 comes with its code', async () => {
    const limit = new AbortController().signal;
    const error = (code: string) => answer('404 Not Found', `<Error><Code>${code}</Code></Error>`);
    await against([error('NoSuchKey'), error('NoSuchBucket'), answer('404 Not Found')], async (reader) => {
      for (const code of ['NoSuchKey', 'NoSuchBucket', undefined]) {
        const reply = await get(reader, 'k', limit);
        assert.deepEqual([reply.status, reply.code], [404, code]);
      }
    });
  });

  it('with an error page without end is not read to its end', async () => {
    const page = `HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n${`4000\r\n${'x'.repeat(16_384)}\r\n`.repeat(6)}`;
    await against([page], async (reader) => {
      await assert.rejects(get(reader, 'k'), { code: 'store_failed' });
    });
  });

  it('is asked for with a token where there is a session, and with nothing that is not signed but the agent', async () => {
    const { heads } = await against([answer('200 OK', 'x')], async (reader) => {
      await get(reader, 'a b/é');
    });
    assert.match(heads[0] ?? '', /^GET \/b\/a%20b\/%C3%A9 HTTP\/1\.1\r\n/);
    assert.match(
      heads[0] ?? '',
      /SignedHeaders=accept-encoding;host;user-agent;x-amz-content-sha256;x-amz-date, Signature=[0-9a-f]{64}\r\n/,
    );
  });

  it('to a write comes once more after a stumble, with the number of sends; a condition that stumbled on 500 does not', async () => {
    const put = (reader: S3Requests, headers: Record<string, string>) =>
      reader.send({ method: 'PUT', key: 'k', headers, body: Buffer.from('body') }, new AbortController().signal);
    const replies = [answer('500 Oops'), answer('200 OK'), answer('500 Oops'), answer('503 Oops'), answer('412 No')];
    const { heads } = await against(replies, async (reader) => {
      const seen = async (headers: Record<string, string>) => {
        const { status, sends } = await put(reader, headers);
        return [status, sends];
      };
      assert.deepEqual(await seen({ 'content-type': 'image/webp' }), [200, 2]);
      assert.deepEqual(await seen({ 'if-match': '"e"' }), [500, 1]);
      assert.deepEqual(await seen({ 'if-none-match': '*' }), [412, 2]);
    });
    assert.match(heads[0] ?? '', /^PUT \/b\/k HTTP/);
    assert.match(heads[0] ?? '', /SignedHeaders=[^,]*content-type;/);
    assert.match(heads[2] ?? '', /SignedHeaders=[^,]*if-match;/);
    assert.match(heads.join(''), /\r\n\r\nbody/);
  });

  it('ends with the caller’s reason, while connecting, queueing and reading', async () => {
    const reason = new Error('gave up');
    await against([`HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf`], async (reader) => {
      const controllers = Array.from({ length: 6 }, () => new AbortController());
      const reads = controllers.map(({ signal }) => assert.rejects(get(reader, 'k', signal), reason));
      setTimeout(() => {
        for (const controller of controllers) controller.abort(reason);
      }, 100);
      await Promise.all(reads);
    });
  });
});
