/** Serves what `vite build` made, and the API. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname } from 'node:path';
import { listings } from './api.js';

const TYPES = { '.js': 'text/javascript', '.css': 'text/css' };

createServer(({ url }, response) => {
  const type = TYPES[extname(url)];
  const isAsset = type && /^\/assets\/[\w.-]+$/.test(url);
  const body = url === '/api/listings' ? listings() : readFileSync(`dist/${isAsset ? url : 'index.html'}`);
  response
    .writeHead(200, { 'content-type': url === '/api/listings' ? 'application/json' : isAsset ? type : 'text/html' })
    .end(body);
}).listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1');
