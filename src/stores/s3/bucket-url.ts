import { isIP } from 'node:net';

export interface BucketLocation {
  readonly bucket: string;
  readonly region: string;
  /** Default: AWS's own of the region. */
  readonly endpoint: string | undefined;
  /** The bucket's name is in the path instead of the host name. */
  readonly pathStyle: boolean;
  /** See `S3Environment`. */
  readonly endpointElsewhere?: boolean;
}

/** Bucket names that fit a host name under AWS's wildcard certificates: no dots. */
const HOST_BUCKET = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;
const PATH_BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/;
/** Regions whose host names end in amazonaws.com (China and other partitions differ). */
const COMMERCIAL_REGION = /^(af|ap|ca|eu|il|me|mx|sa|us)-[a-z]+-\d$/;

/**
 * The URL of a bucket, equal to the SDK's; undefined for ARNs, directory buckets, other partitions and unknown endpoints.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
 */
export function bucketUrl(
  location: BucketLocation,
): { readonly origin: string; readonly host: string; readonly path: string } | undefined {
  const { bucket, region, endpoint, pathStyle, endpointElsewhere = false } = location;
  if (!PATH_BUCKET.test(bucket) || bucket.endsWith('--x-s3') || bucket.endsWith('-s3alias')) return undefined;
  const amazon = endpoint === undefined;
  if (amazon && (endpointElsewhere || !COMMERCIAL_REGION.test(region))) return undefined;
  const url = new URL(endpoint ?? `https://s3.${region}.amazonaws.com`);
  if (!amazon && /\.amazonaws\./.test(url.hostname)) return undefined;
  if (url.username || url.search) return undefined;
  const inPath = pathStyle || !HOST_BUCKET.test(bucket) || isIP(url.hostname.replace(/^\[|\]$/g, '')) !== 0;
  if (!inPath) url.hostname = `${bucket}.${url.hostname}`;
  const path = url.pathname.replace(/\/$/, '');
  return { origin: url.origin, host: url.host, path: inPath ? `${path}/${bucket}` : path };
}
