/** Where the originals and renditions of bench/takedown.ts lie, looked at from outside of the servers. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { createFolderStore } from '../../src/stores/folder/folder-store.ts';
import { startFaultProxy } from '../../test/helpers/fault-proxy.ts';
import { NO_BUCKET, startBucket } from './bucket.ts';
import { temporaryFolder } from './options.ts';

export interface TakedownStores {
  readonly settings: Readonly<Record<string, string>>;
  /** Of the machine that can be cut off. */
  readonly cuttable: Readonly<Record<string, string>>;
  /** Undefined where a machine cannot be cut off from them. */
  readonly cutOff: ((fault: 'reset' | 'silence' | undefined) => void) | undefined;
  put(id: string, body: Buffer): Promise<void>;
  /** Keys in the result store. */
  list(folder: string): Promise<string[]>;
  /** Undefined when it is gone. */
  read(key: string): Promise<{ body: Buffer; metadata: Readonly<Record<string, string>> } | undefined>;
  stop(): Promise<void>;
}

const LIMIT_MS = 30_000;

export async function bucketStores(): Promise<TakedownStores> {
  const bucket = await startBucket();
  if (!bucket) throw new Error(NO_BUCKET);
  const { endpoint, region, credentials, bucket: Bucket } = bucket.store;
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials });
  const proxy = await startFaultProxy(endpoint);
  const bounded = () => ({ abortSignal: AbortSignal.timeout(LIMIT_MS) });
  return {
    settings: bucket.settings('results'),
    cuttable: { AWS_ENDPOINT_URL_S3: proxy.endpoint },
    cutOff(fault) {
      proxy.control.fault = () => fault;
      proxy.cutAll();
    },
    async put(id, Body) {
      await client.send(new PutObjectCommand({ Bucket, Key: `originals/${id}`, Body }), bounded());
    },
    async list(folder) {
      const keys: string[] = [];
      for (let next: string | undefined; ; ) {
        const page = await client.send(
          new ListObjectsV2Command({ Bucket, Prefix: `results/${folder}`, ContinuationToken: next }),
          bounded(),
        );
        for (const { Key = '' } of page.Contents ?? []) keys.push(Key.slice('results/'.length));
        next = page.NextContinuationToken;
        if (!next) return keys;
      }
    },
    async read(key) {
      try {
        const found = await client.send(new GetObjectCommand({ Bucket, Key: `results/${key}` }), bounded());
        const body = Buffer.from((await found.Body?.transformToByteArray()) ?? []);
        return { body, metadata: found.Metadata ?? {} };
      } catch (error) {
        if ((error as Error).name === 'NoSuchKey') return undefined;
        throw error;
      }
    },
    async stop() {
      await proxy.dispose();
      client.destroy();
      await bucket.stop();
    },
  };
}

export async function folderStores(): Promise<TakedownStores> {
  const home = temporaryFolder();
  const [originals, results] = [join(home.path, 'originals'), join(home.path, 'results')];
  for (const folder of [originals, results]) mkdirSync(folder);
  const store = createFolderStore({ root: results, timeoutMs: LIMIT_MS, metadataIn: 'trailer', checkWrites: false });
  const limits = () => ({ signal: AbortSignal.timeout(LIMIT_MS), maxBytes: 50_000_000 });
  let written = 0;
  return {
    settings: { DARKROOM_ORIGINALS: `file:${originals}`, DARKROOM_RESULTS: `file:${results}` },
    cuttable: {},
    cutOff: undefined,
    async put(id, body) {
      written += 1;
      const [half, whole] = [join(home.path, `half-${written}`), join(originals, id)];
      writeFileSync(half, body);
      mkdirSync(dirname(whole), { recursive: true });
      renameSync(half, whole);
    },
    async list(folder) {
      const keys: string[] = [];
      for await (const page of store.list(folder, limits())) keys.push(...page);
      return keys;
    },
    async read(key) {
      const found = await store.get(key, limits());
      return found && { body: found.body, metadata: found.metadata };
    },
    async stop() {
      await store.close();
      home.remove();
    },
  };
}
