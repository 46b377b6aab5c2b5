import type { UploadTarget } from './upload-target.ts';

export interface S3UploadOptions {
  readonly bucket: string;
  /** Prefix of every key: empty, or ends with a slash. */
  readonly prefix: string;
  readonly region: string;
  readonly endpoint: string | undefined;
  /** The bucket's name stands in the path, not in a sub-domain. */
  readonly pathStyle: boolean;
}

/**
 * Presigned PUTs straight to the bucket (https://docs.aws.amazon.com/AmazonS3/latest/userguide/PresignedUrlUploadObject.html).
 * Type, length and `If-None-Match: *` are signed, so that the bucket itself refuses other bodies and never overwrites.
 */
export function createS3UploadTarget(options: S3UploadOptions): UploadTarget {
  const { prefix, region, endpoint, pathStyle } = options;
  let loading: ReturnType<typeof load> | undefined;

  async function load() {
    const [{ PutObjectCommand, S3Client }, { getSignedUrl }] = await Promise.all([
      import('@aws-sdk/client-s3'),
      import('@aws-sdk/s3-request-presigner'),
    ]);
    const client = new S3Client({
      ...{ region, forcePathStyle: pathStyle, ...(endpoint ? { endpoint } : {}) },
      // The default signs the CRC32 of an empty body into the URL.
      requestChecksumCalculation: 'WHEN_REQUIRED',
    });
    return { PutObjectCommand, getSignedUrl, client };
  }

  return {
    async ticket({ key, contentType, size, expiresAt }) {
      loading ??= load();
      const { PutObjectCommand, getSignedUrl, client } = await loading;
      const object = { Bucket: options.bucket, Key: prefix + key, ContentType: contentType, ContentLength: size };
      const url = await getSignedUrl(client, new PutObjectCommand({ ...object, IfNoneMatch: '*' }), {
        expiresIn: Math.max(1, Math.round(expiresAt - Date.now() / 1000)),
        signableHeaders: new Set(['host', 'content-type', 'content-length', 'if-none-match']),
        unhoistableHeaders: new Set(['if-none-match']),
      });
      // No content-length: every client sends it by itself, and browsers do not let a page set it.
      return { url, headers: { 'content-type': contentType, 'if-none-match': '*' } };
    },
  };
}
