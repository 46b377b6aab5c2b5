import { createHash, createHmac, createSecretKey, type KeyObject } from 'node:crypto';

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** For temporary credentials only. */
  readonly sessionToken?: string | undefined;
}

/** A GET without body and query. `path`: encoded, as it is sent. Header names in lower case. */
export interface UnsignedGet {
  readonly host: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** SHA-256 of an empty body. */
const NO_BODY = createHash('sha256').digest('hex');

/** Signs GETs: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
export function createGetSigner({ region, service = 's3' }: { readonly region: string; readonly service?: string }) {
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
  return function sign({ host, path, headers = {} }: UnsignedGet, credentials: Credentials, at: Date) {
    const time = at.toISOString().replace(/[-:]|\.\d{3}/g, '');
    const day = time.slice(0, 8);
    const { sessionToken } = credentials;
    const signed: Record<string, string> = {
      ...{ ...headers, 'x-amz-content-sha256': NO_BODY, 'x-amz-date': time },
      ...(sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken }),
    };
    const lines = Object.entries({ ...signed, host }).sort(([a], [b]) => (a < b ? -1 : 1));
    const names = lines.map(([name]) => name).join(';');
    const canonical = ['GET', path, '', ...lines.map(([name, value]) => `${name}:${value}`), '', names, NO_BODY];
    const scope = `${day}/${region}/${service}/aws4_request`;
    const digest = createHash('sha256').update(canonical.join('\n')).digest('hex');
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

function hmac(key: Buffer | KeyObject, text: string) {
  return createHmac('sha256', key).update(text);
}
