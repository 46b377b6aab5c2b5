import { bounded } from '../shared/time-limit.ts';
import type { Sdk } from './sdk.ts';

/**
 * Keys of a bucket that begin with a prefix, in pages of up to 1,000. `timeoutMs`: of each page.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
 */
export async function* listPages(
  sdk: () => Promise<Sdk>,
  bucket: string,
  prefix: string,
  { signal, timeoutMs }: { readonly signal: AbortSignal; readonly timeoutMs: number },
): AsyncGenerator<string[]> {
  // XML cannot hold every character of a key.
  const listed = { Bucket: bucket, Prefix: prefix, EncodingType: 'url' } as const;
  let token: string | undefined;
  do {
    const page = await bounded(signal, timeoutMs, async (limit) => {
      const { commands, client } = await sdk();
      const list = new commands.ListObjectsV2Command({ ...listed, ...(token && { ContinuationToken: token }) });
      return client.send(list, { abortSignal: limit });
    });
    const decoded = (key: string) => (page.EncodingType === 'url' ? decodeURIComponent(key.replaceAll('+', ' ')) : key);
    const keys = (page.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : decoded(Key)));
    if (keys.length > 0) yield keys;
    token = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}
