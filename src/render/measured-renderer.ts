import { DarkroomError } from '../errors.ts';
import type { Renderer } from './render.ts';

/** One render: formats, bytes in and out, and how it ended. */
export interface RenderReport {
  /** The original's format; `decoded` where pixels were there already. */
  readonly input: string;
  readonly output: string;
  /** `refused`: the original was to blame. */
  readonly outcome: 'ok' | 'refused' | 'failed';
  readonly bytes: { readonly in: number; readonly out: number };
}

/** The same renderer, and somebody is told of each render when it has ended. */
export function measureRenderer(renderer: Renderer, onRender: (render: RenderReport) => void): Renderer {
  return {
    ...renderer,
    async render(original, recipe, timer, faces) {
      const packed = Buffer.isBuffer(original.body);
      const input = packed ? original.header.format : 'decoded';
      const bytesIn = Buffer.isBuffer(original.body) ? original.body.length : original.body.data.length;
      let outcome: RenderReport['outcome'] = 'failed';
      let output: string = recipe.output;
      let bytesOut = 0;
      try {
        const rendered = await renderer.render(original, recipe, timer, faces);
        outcome = 'ok';
        output = rendered.contentType.replace('image/', '');
        bytesOut = rendered.body.length;
        return rendered;
      } catch (reason) {
        if (reason instanceof DarkroomError) outcome = 'refused';
        throw reason;
      } finally {
        onRender({ input, output, outcome, bytes: { in: bytesIn, out: bytesOut } });
      }
    },
  };
}
