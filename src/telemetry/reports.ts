import type { QueueWatch } from '../flow/watched-queue.ts';
import type { WriteBehindOptions } from '../flow/write-behind.ts';
import type { RenderReport } from '../render/measured-renderer.ts';
import type { OnStoreCall } from '../stores/shared/measured-store.ts';
import type { Metrics } from './metrics.ts';

interface Log {
  info(what: string): void;
  warn(details: object, what: string): void;
  error(what: string): void;
}

/** What the parts of the process report, as each part takes it. */
export interface Reports {
  readonly stores: { readonly onCall: OnStoreCall; onCircuit(open: boolean): void };
  readonly queue: Pick<QueueWatch, 'onWait' | 'onRefusal'>;
  readonly saves: Pick<WriteBehindOptions, 'onSaved' | 'onRetry' | 'onLost'>;
  readonly onRender: (render: RenderReport) => void;
  readonly onLook: Metrics['countFaceLook'];
  readonly onProvisional: Metrics['countProvisional'];
  readonly onReplacement: Metrics['countReplacement'];
  /** Something failed that no client needs to know of. `reason`: undefined where the text says all. */
  readonly warn: (what: string, key: string, reason: unknown) => void;
}

/** Metrics and log are made after the parts that report to them, so they are looked up at each report. */
export function createReports(metrics: () => Metrics, log: () => Log): Reports {
  const warn: Reports['warn'] = (what, key, reason) =>
    log().warn({ key, ...(reason === undefined ? {} : { err: reason }) }, what);
  return {
    stores: {
      onCall: (call) => metrics().observeStoreCall(call),
      onCircuit(open) {
        metrics().setCircuit(open);
        if (open) log().error('the result store is left alone for a while: it failed too often');
        else log().info('the result store is back');
      },
    },
    queue: {
      onWait: (wait) => metrics().observeWait(wait),
      onRefusal: (reason) => metrics().countRefusal(reason),
    },
    saves: {
      onSaved: () => metrics().countSave('saved'),
      onRetry: () => metrics().countSave('retried'),
      onLost({ key }, reason) {
        metrics().countSave('lost');
        warn('a rendition was not saved', key, reason);
      },
    },
    onRender: (render) => metrics().observeRender(render),
    onLook: (outcome) => metrics().countFaceLook(outcome),
    onProvisional: (reason) => metrics().countProvisional(reason),
    onReplacement: (outcome) => metrics().countReplacement(outcome),
    warn,
  };
}
