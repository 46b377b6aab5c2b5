import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { describe, it } from 'node:test';
import { ConfigError, readConfig } from '../../src/process/config.ts';
import { startUpWarnings } from '../../src/process/start-up-line.ts';

const KEY = 'ab'.repeat(32);
const fails = (environment: Record<string, string>, message: RegExp) =>
  assert.throws(
    () => readConfig(environment),
    (error: Error) => error instanceof ConfigError && message.test(error.message),
    JSON.stringify(environment),
  );

describe('defaults', () => {
  it('are those of the design', () => {
    const config = readConfig({});
    assert.deepEqual(config.originals, { kind: 'folder', path: './data/originals' });
    assert.deepEqual(config.results, { kind: 'folder', path: './data/results' });
    assert.equal(config.slots, availableParallelism());
    assert.equal(config.queue, config.slots * 16);
    assert.equal(config.maxOriginalBytes, 50 * 1024 * 1024);
    assert.deepEqual(
      [config.queueTimeoutMs, config.storeTimeoutMs, config.renderTimeoutMs, config.shutdownTimeoutMs],
      [8000, 5000, 20_000, 25_000],
    );
    assert.deepEqual(
      [config.decodeLimits, config.metricsPort],
      [{ maxPixels: 100_000_000, maxFrames: 200, timeoutSeconds: 20 }, 9091],
    );
    assert.equal(config.memory.cache, Math.floor(config.memory.limit / 4));
    assert.deepEqual(config.decoders.without, ['svg']);
    assert.deepEqual(readConfig({ DARKROOM_HEIC: 'off', DARKROOM_SVG: 'on' }).decoders.without, ['heic']);
  });

  it('share out the memory of a small machine, or refuse to start on one that is too small', () => {
    const MIB = 1024 * 1024;
    const { memory } = readConfig({}, 512 * MIB);
    assert.ok(memory.cache > 96 * MIB && memory.cache <= 128 * MIB, String(memory.cache));
    const shared = memory.work + memory.cache + memory.saves + memory.inputs;
    assert.ok(shared < 0.85 * 512 * MIB && shared > 64 * MIB, String(shared));
    assert.throws(() => readConfig({}, 256 * MIB), /allows 256 MiB of memory.*DARKROOM_FACES=off/);
    assert.ok(readConfig({ DARKROOM_FACES: 'off' }, 256 * MIB).memory.inputs >= 24 * MIB);
    assert.throws(() => readConfig({ DARKROOM_MEMORY_CACHE: '400MiB' }, 512 * MIB), /smaller DARKROOM_MEMORY_CACHE/);
  });

  it('have slots and face threads by the CPUs that there are, and count the memory of both threads', () => {
    const on = (cpus: number, environment = {}) => readConfig(environment, 2048 * 1024 * 1024, cpus);
    const told = [on(1), on(4), on(4, { DARKROOM_SLOTS: '1' }), on(4, { DARKROOM_FACES: 'off' })];
    assert.deepEqual(
      told.map(({ slots, faceThreads }) => [slots, faceThreads]),
      [
        [1, 1],
        [4, 2],
        [1, 2],
        [4, 0],
      ],
    );
    const [one, two, , none] = told.map(({ memory }) => memory.work);
    assert.ok(one && two && none && none > one && one > two, `${none} ${one} ${two}`);
  });

  it('stand in docs/settings.md, every one', () => {
    const page = readFileSync(new URL('../../docs/settings.md', import.meta.url), 'utf8');
    const source = readFileSync(new URL('../../src/process/settings.ts', import.meta.url), 'utf8');
    const names = new Set(source.match(/DARKROOM_[A-Z0-9_]+(?=:)/g));
    assert.ok(names.size > 20);
    assert.deepEqual(
      [...names].filter((name) => !page.includes(`\`${name}\``)),
      [],
    );
  });
});

describe('values', () => {
  it('are read with their units', () => {
    const config = readConfig({
      DARKROOM_MEMORY_CACHE: '1.5MiB',
      DARKROOM_STORE_TIMEOUT: '250ms',
      DARKROOM_METRICS_PORT: 'off',
      DARKROOM_SLOTS: '3',
    });
    assert.deepEqual(
      [config.memory.cache, config.storeTimeoutMs, config.metricsPort, config.slots, config.queue],
      [1_572_864, 250, undefined, 3, 48],
    );
  });

  it('name three kinds of store', () => {
    const config = readConfig({ DARKROOM_ORIGINALS: 's3://photos/up/loads', DARKROOM_RESULTS: 'none' });
    assert.deepEqual(
      [config.originals, config.results],
      [{ kind: 's3', bucket: 'photos', prefix: 'up/loads/' }, { kind: 'none' }],
    );
    const origin = readConfig({ DARKROOM_ORIGINALS: 'https://origin.example/o/' }).originals;
    assert.deepEqual(origin, { kind: 'origin', url: 'https://origin.example/o/' });
  });

  it('address buckets by path where the endpoint has no sub-domains', () => {
    const pathStyle = (endpoint: string, more = {}) =>
      readConfig({ AWS_ENDPOINT_URL_S3: endpoint, ...more }).s3.pathStyle;
    assert.equal(pathStyle('http://127.0.0.1:9000'), true);
    assert.equal(pathStyle('http://minio:9000'), true);
    assert.equal(pathStyle('http://[::1]:9000'), true);
    assert.equal(pathStyle('https://fly.storage.tigris.dev'), false);
    assert.equal(pathStyle('https://fly.storage.tigris.dev/'), false);
    assert.equal(pathStyle('https://project.example.com/storage/v1/s3'), true);
    assert.equal(pathStyle('https://s3.example.com', { DARKROOM_S3_PATH_STYLE: 'on' }), true);
    assert.equal(readConfig({}).s3.pathStyle, false);
  });

  it('send spans only where a collector is named', () => {
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318' };
    const sends = (environment: Record<string, string>) => readConfig(environment).tracing;
    assert.deepEqual([sends({}), sends({ OTEL_EXPORTER_OTLP_ENDPOINT: '' })], [false, false]);
    assert.equal(sends(endpoint), true);
    assert.equal(sends({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://localhost:4318/v1/traces' }), true);
    assert.equal(sends({ ...endpoint, OTEL_SDK_DISABLED: 'true' }), false);
    assert.equal(sends({ ...endpoint, OTEL_TRACES_EXPORTER: 'none' }), false);
  });

  it('keep keys in order', () => {
    assert.deepEqual(
      readConfig({ DARKROOM_SIGNING_KEYS: `${KEY}, ${'cd'.repeat(40)}` }).signingKeys?.map((key) => key.length),
      [32, 40],
    );
  });
});

describe('the address of pictures', () => {
  it('has a prefix of any depth, and none of the paths that are taken', () => {
    assert.equal(readConfig({}).pathPrefix, '');
    for (const prefix of ['/images', '/a/b-c/d.e_f', '/v12', '/healthy'])
      assert.equal(readConfig({ DARKROOM_PATH_PREFIX: prefix }).pathPrefix, prefix);
    const wrong = [
      'images',
      '/',
      '/images/',
      '/a//b',
      '/../a',
      '/a/.',
      '/a b',
      '/%61',
      '/a?b',
      '/a#b',
      '/é',
      '/'.repeat(9),
    ];
    for (const prefix of [...wrong, '/v1', '/v1/x', '/health', '/ready', '/playground/x', ''])
      fails({ DARKROOM_PATH_PREFIX: prefix }, /DARKROOM_PATH_PREFIX=.*expected a path such as \/images/);
  });

  it('has one secret, or two while it is changed, of which no message tells', () => {
    const [next, last] = ['n'.repeat(16), '0~!+'.repeat(8)];
    const secretsOf = (text: string) => readConfig({ DARKROOM_ORIGIN_SECRET: text }).originSecrets;
    assert.equal(readConfig({}).originSecrets, undefined);
    assert.deepEqual(secretsOf(next), [next]);
    assert.deepEqual(secretsOf(`${next},${last}`), [next, last]);
    assert.deepEqual(secretsOf(`${next} , ${last}`), [next, last]);
    for (const text of [
      '',
      'short',
      `${next},`,
      `,${next}`,
      `${next},x`,
      `${next},${last},${next}`,
      'é'.repeat(20),
      `${next} x`,
    ])
      assert.throws(
        () => secretsOf(text),
        (error: Error) => /DARKROOM_ORIGIN_SECRET=\(hidden\)/.test(error.message) && !error.message.includes(next),
      );
  });

  it('is warned of where the public URL lacks the prefix', () => {
    const warningsOf = (url: string) =>
      startUpWarnings(readConfig({ DARKROOM_PATH_PREFIX: '/images', DARKROOM_PUBLIC_URL: url })).join();
    assert.match(warningsOf('https://shop.example'), /does not end with \/images/);
    assert.doesNotMatch(warningsOf('https://shop.example/images/'), /does not end with/);
  });
});

describe('a boot that stops', () => {
  it('says the variable, the value and what was expected', () => {
    fails({ DARKROOM_SLOTS: 'many' }, /DARKROOM_SLOTS=many .*expected a whole number from 1/);
    fails({ DARKROOM_SLOTS: '0' }, /DARKROOM_SLOTS=0 .*expected/);
    fails({ DARKROOM_MEMORY_CACHE: '64MB' }, /DARKROOM_MEMORY_CACHE=64MB .*expected a size such as 64MiB/);
    fails({ DARKROOM_MEMORY_CACHE: '0MiB' }, /DARKROOM_MEMORY_CACHE/);
    fails({ DARKROOM_STORE_TIMEOUT: '5' }, /DARKROOM_STORE_TIMEOUT=5 .*expected a duration such as 5s/);
    fails({ DARKROOM_FACES: 'yes' }, /DARKROOM_FACES=yes .*expected on or off/);
    fails({ DARKROOM_ORIGINALS: 'none' }, /DARKROOM_ORIGINALS=none .*expected file:/);
    fails({ DARKROOM_RESULTS: 'https://a.example/' }, /DARKROOM_RESULTS=https:.*expected/);
    fails({ DARKROOM_ORIGINALS: 'https://origin.example/?a=b' }, /expected file:/);
    fails({ DARKROOM_ORIGINALS: 'http://origin.example/' }, /expected https:, or DARKROOM_ORIGIN_PRIVATE=on/);
    fails({ DARKROOM_METRICS_PORT: '99999' }, /DARKROOM_METRICS_PORT/);
    fails({ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector' }, /OTEL_EXPORTER_OTLP_ENDPOINT=collector/);
    fails({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, /OTEL_EXPORTER_OTLP_PROTOCOL=grpc .*expected http.json/);
    fails({ PORT: 'http' }, /PORT=http/);
    fails({ AWS_ENDPOINT_URL_S3: 'minio' }, /AWS_ENDPOINT_URL_S3=minio/);
  });

  it('lists everything that is wrong at once', () => {
    fails({ DARKROOM_SLOTS: 'x', DARKROOM_QUEUE: 'y' }, /DARKROOM_SLOTS[\s\S]*DARKROOM_QUEUE/);
  });

  it('knows no other names', () => {
    fails({ DARKROOM_SLOT: '3' }, /DARKROOM_SLOT is not a setting of this version \(did you mean DARKROOM_SLOTS\?\)/);
    fails({ DARKROOM_SIGNING_KEY: 'a' }, /did you mean DARKROOM_SIGNING_KEYS/);
    fails({ DARKROOM_: '3' }, /is not a setting/);
  });

  it('never repeats a secret', () => {
    const short = 'deadbeefdeadbeef';
    assert.throws(
      () => readConfig({ DARKROOM_SIGNING_KEYS: short }),
      (error: Error) =>
        /DARKROOM_SIGNING_KEYS=\(hidden\).*32 bytes/.test(error.message) && !error.message.includes(short),
    );
    assert.throws(
      () => readConfig({ DARKROOM_API_TOKEN: 'hunter2' }),
      (error: Error) => !error.message.includes('hunter2'),
    );
  });

  it('tells no password or token of a URL', () => {
    for (const environment of [
      { DARKROOM_ORIGINALS: 'http://shop:geheim@origin.example/pictures/' },
      { DARKROOM_ORIGINALS: 'ftp://shop:geheim@origin.example/pictures/' },
      { DARKROOM_ORIGINALS: 'https://shop:ge/h@geheim@origin.example/pictures/?token=geheim' },
      { DARKROOM_ORIGINALS: 'shop:geheim@origin.example' },
      { DARKROOM_RESULTS: 's3://AKIA:geheim@bucket/x' },
      { DARKROOM_CDN_PURGE: 'webhook:ftp://shop:geheim@hooks.example/x' },
      { DARKROOM_CDN_PURGE: 'webhok:https://hooks.example/x?token=geheim' },
      { DARKROOM_PUBLIC_URL: 'ftp://shop:geheim@img.example' },
      { OTEL_EXPORTER_OTLP_ENDPOINT: '//shop:geheim@collector' },
    ]) {
      const [name = ''] = Object.keys(environment);
      assert.throws(
        () => readConfig(environment),
        (error: Error) => {
          assert.ok(error instanceof ConfigError && error.message.includes(`${name}=`), error.message);
          assert.doesNotMatch(error.message, /geheim|shop|AKIA|ge\/h/);
          return true;
        },
      );
    }
    fails(
      { DARKROOM_ORIGINALS: 'http://shop:geheim@origin.example/a/' },
      /=http:\/\/\(hidden\)@origin\.example\/a\/ cannot/,
    );
    fails({ DARKROOM_ORIGINALS: 'http://origin.example/a/' }, /=http:\/\/origin\.example\/a\/ cannot/);
  });

  it('has a playground only with a key that the server makes, or where it is asked for', () => {
    const { playground: made } = readConfig({});
    const { playground: own } = readConfig({ DARKROOM_SIGNING_KEYS: KEY });
    const { playground: asked } = readConfig({ DARKROOM_SIGNING_KEYS: KEY, DARKROOM_PLAYGROUND: 'on' });
    const { playground: off } = readConfig({ DARKROOM_PLAYGROUND: 'off' });
    assert.deepEqual([made, own, asked, off], [true, false, true, false]);
  });

  it('wants real keys: none that is empty, short or not hex, and one in production', () => {
    for (const keys of ['', 'ab', 'ab'.repeat(31), `${KEY},`, `${KEY},ab`, 'zz'.repeat(32), `${KEY}a`])
      fails({ DARKROOM_SIGNING_KEYS: keys }, /DARKROOM_SIGNING_KEYS/);
    fails({ NODE_ENV: 'production' }, /DARKROOM_SIGNING_KEYS is not set/);
    assert.equal(readConfig({ NODE_ENV: 'production', DARKROOM_SIGNING_KEYS: KEY }).production, true);
  });
});
