/**
 * The limit for a hit: node:http that checks the same signature and writes the same headers and body, and does nothing
 * else. `node bench/tools/bare-http.ts <body file> <headers in JSON>`.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSignatures } from '../../src/url/signature.ts';
import { BENCH_KEY } from './server.ts';

const [file = '', headers = '{}'] = process.argv.slice(2);
const body = readFileSync(file);
const fields = Object.entries(JSON.parse(headers) as Record<string, string>);
const signatures = createSignatures([BENCH_KEY]);

const server = createServer((request, response) => {
  const [, signature = '', preset = '', id = ''] = (request.url ?? '').split('/');
  const known = signatures.verify(signature, { preset, id: decodeURIComponent(id), expiresAt: undefined });
  response.statusCode = known ? 200 : 403;
  for (const [name, value] of fields) response.setHeader(name, value);
  response.end(known ? body : undefined);
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`{"address":"http://127.0.0.1:${(server.address() as AddressInfo).port}"}\n`);
});
