import type { Renderer } from '../../src/render/render.ts';
import { turns } from './turns.ts';

/** Records the proxy images that a renderer makes, because no request waits for them. */
export function recordProxies() {
  const proxies: Promise<Buffer>[] = [];
  return {
    record: (renderer: Renderer): Renderer => ({
      ...renderer,
      encodeProxy(downscaled) {
        const proxy = renderer.encodeProxy(downscaled);
        proxies.push(proxy);
        return proxy;
      },
    }),
    get begun() {
      return proxies.length;
    },
    /** When all are made and handed on to be saved. */
    async done(): Promise<void> {
      await Promise.all(proxies);
      await turns();
    },
  };
}
