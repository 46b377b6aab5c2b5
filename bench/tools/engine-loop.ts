import { checkPresets } from '../../src/presets/schema.ts';
import { outputsOf, parseSuffix, recipeOf, sizeOf } from '../../src/presets/variants.ts';
import { type Engine, type EngineJob, loadEngine } from '../../src/render/engine/engine.ts';
import { renditionJob } from '../../src/render/engine/job.ts';
import { createRenderer } from '../../src/render/render.ts';
import { planView } from '../../src/render/stages/view/plan.ts';
import { centred, type Measured } from './recipes.ts';

const LIMITS = { maxPixels: 100_000_000, maxFrames: 1, timeoutSeconds: 60 };

/** The native engine and nothing else: it decodes, scales and encodes by a job whose numbers were worked out before. */
export interface EngineLoop {
  /** The numbers of a rendition of this file. */
  prepare(file: Buffer, preset: Measured): Promise<EngineJob>;
  render(file: Buffer, job: EngineJob): Promise<Buffer>;
}

/** Throws where the engine was not built. */
export function engineLoop(): EngineLoop {
  const engine = loadEngine(true);
  if (!engine) throw new Error('the engine is not built: npm run build:engine');
  const renderer = createRenderer(LIMITS, undefined, undefined, engine);
  return {
    async prepare(file, name) {
      const source = await renderer.examine(file);
      const preset = checkPresets({ [name]: centred(name) })[name]!;
      const size = sizeOf(preset, parseSuffix('')!)!;
      const recipe = recipeOf(preset, size, outputsOf(preset, size, undefined)![0]!, false);
      const view = {
        ...planView(source.header.size, recipe, 1),
        position: 'window',
        trimmed: false,
        moves: false,
      } as const;
      const job = renditionJob(source, view, recipe, LIMITS);
      if (!job) throw new Error(`the engine does not make ${name} of this file`);
      return job;
    },
    render: (file, job) => rendered(engine, file, job),
  };
}

async function rendered(engine: Engine, file: Buffer, job: EngineJob): Promise<Buffer> {
  const { body, declined } = await engine.render(file, job, new engine.Stop());
  if (!body) throw new Error(`the engine declined: ${declined}`);
  return body;
}
