import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import packageJson from '../../package.json' with { type: 'json' };
import type { Config } from './config.ts';

/** What a process says of itself once it is up: all that decides how it behaves, and no secret. Bytes and numbers. */
export function startUpLine(config: Config, address: string, metricsServer: Server | undefined, renderVersion: string) {
  return {
    version: packageJson.version,
    node: process.versions.node,
    renderVersion,
    address,
    metricsPort: (metricsServer?.address() as AddressInfo | undefined)?.port,
    originals: config.originals.kind,
    results: config.results.kind,
    slots: config.slots,
    faces: config.faces,
    queue: config.queue,
    memory: config.memory,
    allocator: config.allocator,
    threadPool: config.threadPool,
  };
}
