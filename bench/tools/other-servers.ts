/** Other people's image servers as their README says: `node bench/tools/other-servers.ts ipx|express-sharp <folder>`. */
import { existsSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { pathToFileURL } from 'node:url';
import { type Product, RECIPES } from './recipes.ts';

export const OTHERS = ['ipx', 'express-sharp'] as const;
export type Other = (typeof OTHERS)[number];

const home = new URL('../others/package.json', import.meta.url);

/** Undefined when installed, else what to do about it. */
export const othersMissing = existsSync(new URL('node_modules/ipx', home))
  ? undefined
  : 'ipx and express-sharp are not installed: npm ci --prefix bench/others --ignore-scripts';

/** The path at which the server makes the same rendition. `portrait`: whether the original lies so in its file. */
export function otherPath(server: Other, preset: Product, id: string, portrait: boolean): string {
  const { width, height, fit, format, quality } = RECIPES[preset];
  // A box that is higher than the original ipx makes smaller in both directions: its retina would have up to 44 % fewer pixels.
  const inside = portrait ? `h_${height}` : `w_${width}`;
  const size = fit === 'inside' ? inside : `s_${width}x${height}`;
  if (server === 'ipx') return `/${size},fit_${fit},f_${format},q_${quality}/${id}`;
  return `/${id}?width=${width}&height=${height}&crop=${fit === 'cover'}&format=${format}&quality=${quality}`;
}

async function handler(server: Other, folder: string): Promise<RequestListener> {
  const require = createRequire(home);
  const load = (name: string) => import(pathToFileURL(require.resolve(name)).href);
  if (server === 'ipx') {
    const { createIPX, createIPXNodeServer, ipxFSStorage } = await load('ipx');
    return createIPXNodeServer(createIPX({ storage: ipxFSStorage({ dir: folder }), maxAge: 31_536_000 }));
  }
  const [{ default: express }, { expressSharp, FsAdapter }] = [await load('express'), await load('express-sharp')];
  return express().use('/', expressSharp({ imageAdapter: new FsAdapter(folder) }));
}

if (import.meta.main) {
  const [name, folder = ''] = process.argv.slice(2);
  const server = createServer(await handler(name as Other, folder));
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    process.stdout.write(`{"address":"http://127.0.0.1:${port}"}\n`);
  });
}
