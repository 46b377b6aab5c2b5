import { createRequire } from 'node:module';
import { ENGINE, type Engine, hasEngine, loadEngine } from './engine.ts';

/** What `build/pack.ts` packs, each `@darkroom-images/engine-<platform>`. With arm64, once the engine ran on such a machine. */
export const ENGINE_PLATFORMS = ['linux-x64'] as const;

/** What renders pictures: the engine, or sharp alone. `refused`: a sentence on an engine that is installed and cannot be used. */
export interface FoundEngine {
  readonly engine?: Engine | undefined;
  readonly refused?: string;
}

/** The engine that was built beside this server, else the one of an installed package. Throws where the former is of another version. */
export function findEngine(wanted: boolean): FoundEngine {
  if (!wanted) return {};
  return hasEngine ? { engine: loadEngine(true) } : engineFromPackage(createRequire(import.meta.url));
}

/** The one that `require` finds. `here`: this process's platform. */
export function engineFromPackage(require: NodeJS.Require, here = `${process.platform}-${process.arch}`): FoundEngine {
  const found = ENGINE_PLATFORMS.filter((platform) => versionOf(require, platform) !== undefined);
  const [other] = found;
  if (other === undefined) return {};
  const own = found.find((platform) => platform === here);
  if (own === undefined) return refuse(other, `is not for ${here}`);
  // Asked before it is loaded: code of another version is not run.
  const version = versionOf(require, own);
  if (version !== ENGINE) return refuse(own, `is of version ${version}, and this server takes ${ENGINE}`);
  try {
    const engine: Engine = require(packageOf(own));
    if (engine.version() !== ENGINE) return refuse(own, `holds version ${engine.version()} in place of ${ENGINE}`);
    return engine.runsHere() ? { engine } : refuse(own, 'is for another processor');
  } catch (cause) {
    return refuse(own, `cannot be loaded (${cause instanceof Error ? cause.message.split('\n')[0] : cause})`);
  }
}

const packageOf = (platform: string) => `@darkroom-images/engine-${platform}`;

function refuse(platform: string, why: string): FoundEngine {
  return { refused: `${packageOf(platform)} ${why}, so sharp renders all` };
}

/** The version that a package says it has; undefined where it is not installed. */
function versionOf(require: NodeJS.Require, platform: string): string | undefined {
  try {
    return String(require(`${packageOf(platform)}/package.json`)?.version ?? 'unknown');
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND' ? undefined : 'unknown';
  }
}
