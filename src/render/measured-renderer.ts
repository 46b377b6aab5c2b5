import { DarkroomError } from '../errors.ts';
import { bytesOf } from './picture-source.ts';
import type { Renderer } from './render.ts';

/** How one render went: formats, bytes in and out, outcome. */
export interface RenderReport {
  /** The original's format; `decoded` where the source was in memory. */
  readonly input: string;
  readonly output: string;
  /** `refused`: the original cannot be rendered. */
  readonly outcome: 'ok' | 'refused' | 'failed';
  readonly bytes: { readonly in: number; readonly out: number };
}

/** The same renderer, with a report of each render when it has ended. */
export function measureRenderer(renderer: Renderer, onRender: (render: RenderReport) => void): Renderer {
  return {
    ...renderer,
    async render(source, recipe, timer, faces, signal) {
      const isDecoded = source.kind === 'pixels' || source.kind === 'planes';
      const input = isDecoded ? 'decoded' : source.header.format;
      const bytesIn = isDecoded ? bytesOf(source) : source.body.length;
      let outcome: RenderReport['outcome'] = 'failed';
      let output: string = recipe.output;
      let bytesOut = 0;
      try {
        const rendered = await renderer.render(source, recipe, timer, faces, signal);
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
