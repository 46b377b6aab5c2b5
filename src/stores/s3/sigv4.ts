import { createHash, createHmac, createSecretKey, type KeyObject } from 'node:crypto';

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** For temporary credentials only. */
  readonly sessionToken?: string | undefined;
}

/** A request without a query. `path`: encoded, as it is sent. Header names in lower case. */
export interface UnsignedRequest {
  /** Default: GET. */
  readonly method?: string;
  readonly host: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of the body, in hex. Default: there is no body. */
  readonly sha256?: string;
}

export const sha256Hex = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');
const NO_BODY = sha256Hex('');

/** Signs requests: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
export function createSigner({ region, service = 's3' }: { readonly region: string; readonly service?: string }) {
  /** The signing key depends on the secret and the day only, and costs four HMACs. */
  let derived: { readonly secret: string; readonly day: string; readonly key: KeyObject } | undefined;

  function keyOf(secret: string, day: string): KeyObject {
    if (derived?.secret !== secret || derived.day !== day) {
      const steps = [day, region, service, 'aws4_request'];
      const key = steps.reduce<Buffer>((last, step) => hmac(last, step).digest(), Buffer.from(`AWS4${secret}`));
      derived = { secret, day, key: createSecretKey(key) };
    }
    return derived.key;
  }

  /** Returns all headers of the request except `host`. `at`: the time by the server's clock. */
  return function sign(request: UnsignedRequest, credentials: Credentials, at: Date) {
    const { method = 'GET', host, path, headers = {}, sha256 = NO_BODY } = request;
    const time = at.toISOString().replace(/[-:]|\.\d{3}/g, '');
    const day = time.slice(0, 8);
    const { sessionToken } = credentials;
    const signed: Record<string, string> = {
      ...{ ...headers, 'x-amz-content-sha256': sha256, 'x-amz-date': time },
      ...(sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken }),
    };
    const lines = Object.entries({ ...signed, host }).sort(([a], [b]) => (a < b ? -1 : 1));
    const names = lines.map(([name]) => name).join(';');
    const canonical = [
      method,
      path,
      '',
      ...lines.map(([name, value]) => `${name}:${trimmed(value)}`),
      '',
      names,
      sha256,
    ];
    const scope = `${day}/${region}/${service}/aws4_request`;
    const digest = sha256Hex(canonical.join('\n'));
    const signature = hmac(keyOf(credentials.secretAccessKey, day), `AWS4-HMAC-SHA256\n${time}\n${scope}\n${digest}`);
    const credential = `Credential=${credentials.accessKeyId}/${scope}`;
    return {
      ...signed,
      authorization: `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${names}, Signature=${signature.digest('hex')}`,
    };
  };
}

/**
 * A key as a URL path, as SigV4 wants it: all escaped but letters, digits, `-._~` and the slash.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "UriEncode()"
 */
export function encodeS3Key(key: string): string {
  return encodeURIComponent(key).replace(/%2F|[!'()*]/g, (found) =>
    found === '%2F' ? '/' : `%${found.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Spaces count as SigV4 wants them: none around a value, one between words. */
const trimmed = (value: string) => value.trim().replace(/ +/g, ' ');

function hmac(key: Buffer | KeyObject, text: string) {
  return createHmac('sha256', key).update(text);
}
