import type { Renderer } from '../../src/render/render.ts';
import { turns } from './turns.ts';

/** Records the proxy images that a renderer makes: nobody who asks for a picture waits for them. */
export function recordPacks() {
  const packs: Promise<Buffer>[] = [];
  return {
    record: (renderer: Renderer): Renderer => ({
      ...renderer,
      pack(whole) {
        const packed = renderer.pack(whole);
        packs.push(packed);
        return packed;
      },
    }),
    get begun() {
      return packs.length;
    },
    /** When all are made and handed on to be saved. */
    async done(): Promise<void> {
      await Promise.all(packs);
      await turns();
    },
  };
}
