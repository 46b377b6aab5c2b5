import { DarkroomError } from '../errors.ts';
import type { OriginalSource, ProxySource } from '../render/picture-source.ts';
import type { Renderer } from '../render/render.ts';
import type { Epoch } from '../renditions/epochs.ts';
import type { ResultStore } from '../renditions/result-store.ts';
import { createStepTimer, type StepTimer } from '../telemetry/step-timer.ts';
import type { DecodeCache, KeptProxy } from './decode-cache.ts';
import { fromStoredDear, isDear, proxyKey, toStoredDear } from './proxy.ts';

/** The proxy images of originals that are dear to decode: from memory, from the result store, or made now. */
export interface DearProxies {
  /**
   * Of an original that `isDear`, once for all callers meanwhile. Needs a slot. Rejects with the errors of renders, and with the
   * signal's reason.
   */
  of(wanted: WantedProxy): Promise<ProxySource>;
  /** The record was seen just now. What describes an original with the least work: its proxy image where it is dear, else itself. The same errors. */
  describable(wanted: Omit<WantedProxy, 'timer' | 'kept' | 'current'>): Promise<OriginalSource | ProxySource>;
}

export interface WantedProxy {
  readonly id: string;
  /** The shop's own, of a recipe. */
  readonly version?: string | undefined;
  readonly original: OriginalSource;
  /** That the bytes belong to. Undefined where that cannot be told: then the proxy image is kept nowhere. */
  readonly epoch: Epoch | undefined;
  /** Whether the record was seen just now: else it cannot be told whether a stored proxy image still counts. */
  readonly current: boolean;
  /** The shop covered a part of the original: a proxy image shows it, and is kept in no store. */
  readonly covered?: boolean;
  /** Where memory keeps it for a while. */
  readonly kept: KeptProxy;
  /** The store was asked already. */
  readonly notStored?: boolean;
  readonly timer: StepTimer;
  readonly signal: AbortSignal;
}

export interface DearProxiesDeps {
  readonly decodes: DecodeCache;
  readonly resultStore: ResultStore | undefined;
  readonly renderer: Renderer;
}

export function createDearProxies({ decodes, resultStore, renderer }: DearProxiesDeps): DearProxies {
  const underWay = new Map<string, Promise<ProxySource>>();

  async function findOrMake(wanted: WantedProxy, epoch: Epoch): Promise<ProxySource> {
    const { id, version, original, kept, timer, signal } = wanted;
    const found = kept.get() ?? (await stored(wanted, epoch));
    if (found) return found;
    const proxy = await timer.time('decode', renderer.makeProxy(original, signal));
    kept.set(proxy);
    const key = proxyKey(id, renderer.version, version);
    if (wanted.current && !wanted.covered) resultStore?.saveObject(id, key, epoch, toStoredDear(proxy, epoch));
    return proxy;
  }

  async function stored({ id, version, current, notStored, timer, signal }: WantedProxy, epoch: Epoch) {
    if (!current || notStored || !resultStore || timer.outcomes.store === 'failed') return undefined;
    const found = await resultStore.find(proxyKey(id, renderer.version, version), timer, signal, fromStoredDear);
    return found?.epoch === epoch ? renderer.openProxy(found.body, found.original) : undefined;
  }

  async function of(wanted: WantedProxy): Promise<ProxySource> {
    const { id, version, epoch, signal, original } = wanted;
    if (epoch === undefined) return wanted.timer.time('decode', renderer.makeProxy(original, signal));
    const key = `${epoch} ${version ?? ''} ${id}`;
    for (;;) {
      const begun = underWay.get(key);
      if (!begun) {
        const work = findOrMake(wanted, epoch).finally(() => underWay.delete(key));
        underWay.set(key, work);
        return work;
      }
      try {
        return await begun;
      } catch (error) {
        if (error instanceof DarkroomError) throw error;
        // The caller that had begun it left.
        signal.throwIfAborted();
      }
    }
  }

  return {
    of,
    async describable(wanted) {
      if (!isDear(wanted.original)) return wanted.original;
      const kept = decodes.keptProxy(wanted.id, wanted.epoch ?? '');
      return of({ ...wanted, kept, current: true, timer: createStepTimer() });
    },
  };
}
