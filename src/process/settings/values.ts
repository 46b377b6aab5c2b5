import { z } from 'zod';

/** The kinds of values that settings have, as texts of the environment are checked and read. */

/** Where a store keeps its objects. */
export type StoreLocation =
  | { readonly kind: 'folder'; readonly path: string }
  /** `prefix` is empty or ends with a slash. */
  | { readonly kind: 's3'; readonly bucket: string; readonly prefix: string }
  | { readonly kind: 'origin'; readonly url: string }
  | { readonly kind: 'none' };

const KIB = 1024;
const UNITS = { B: 1, KiB: KIB, MiB: KIB ** 2, GiB: KIB ** 3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** A number with one of the units, as bytes or milliseconds. */
function quantity(units: readonly (keyof typeof UNITS)[], expected: string) {
  const pattern = new RegExp(`^(\\d+(?:\\.\\d+)?)(${units.join('|')})$`);
  return z.string().transform((text, context) => {
    const [, amount, unit] = pattern.exec(text) ?? [];
    const value = Math.round(Number(amount) * (UNITS[unit as keyof typeof UNITS] ?? Number.NaN));
    if (value > 0) return value;
    context.addIssue({ code: 'custom', message: expected });
    return z.NEVER;
  });
}

export function wholeNumber(from: number, to: number) {
  const expected = `expected a whole number from ${from} to ${to}`;
  return z.string().regex(/^\d+$/, expected).transform(Number).pipe(z.number().min(from, expected).max(to, expected));
}

export function choice<const T extends string>(...options: T[]) {
  return z.enum(options, { error: `expected ${options.join(' or ')}` });
}

export const size = () => quantity(['B', 'KiB', 'MiB', 'GiB'], 'expected a size such as 64MiB');
export const duration = () => quantity(['ms', 's', 'm', 'h'], 'expected a duration such as 5s');
export const durationOrNone = () => z.union([z.literal('0s').transform(() => 0), duration()]);
export const onOff = () => choice('on', 'off').transform((text) => text === 'on');

type Kind = StoreLocation['kind'];
export function location<const K extends Kind>(allowed: readonly K[], expected: string) {
  type Location = Extract<StoreLocation, { kind: K }>;
  const isAllowed = (found: StoreLocation): found is Location => allowed.some((kind) => kind === found.kind);
  return z.string().transform((text, context): Location => {
    const found = parseLocation(text);
    if (found && isAllowed(found)) return found;
    context.addIssue({ code: 'custom', message: expected });
    return z.NEVER;
  });
}

function parseLocation(text: string): StoreLocation | undefined {
  if (text === 'none') return { kind: 'none' };
  const [, path] = /^file:(.+)$/.exec(text) ?? [];
  if (path) return { kind: 'folder', path };
  const [, bucket, prefix = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]+)(?:\/(.*))?$/.exec(text) ?? [];
  if (bucket) return { kind: 's3', bucket, prefix: prefix.replace(/(?<=[^/])$/, '/') };
  if (/^https?:\/\/[^?#]+$/.test(text) && URL.canParse(text)) return { kind: 'origin', url: text };
  return undefined;
}

export const signingKeys = z.string().transform((text, context) => {
  const keys = text.split(',').map((key) => key.trim());
  if (keys.every((key) => /^([0-9a-f]{2}){32,}$/i.test(key))) return keys.map((key) => Buffer.from(key, 'hex'));
  context.addIssue({ code: 'custom', message: 'expected a comma list of hex keys of at least 32 bytes each' });
  return z.NEVER;
});

export const peersAddress = z.string().transform((text, context) => {
  const [, host = '', port = ''] = /^([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\]):(\d{1,5})$/.exec(text) ?? [];
  if (host && Number(port) >= 1 && Number(port) <= 65_535)
    return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
  context.addIssue({ code: 'custom', message: 'expected a name and a port such as darkroom.internal:8080' });
  return z.NEVER;
});

export const cdnTarget = z.string().transform((text, context) => {
  const [, kind = '', target = ''] = /^(cloudflare|fastly|bunny|webhook):(.+)$/.exec(text) ?? [];
  const sound = kind === 'webhook' ? /^https?:/.test(target) && URL.canParse(target) : /^[\w-]+$/.test(target);
  if (sound) return { kind: kind as 'cloudflare' | 'fastly' | 'bunny' | 'webhook', target };
  const message = 'expected cloudflare:<zone>, fastly:<service>, bunny:<pull zone> or webhook:<URL>';
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

export const PATH_PREFIX = /^(?!\/(?:v1|health|ready|playground)(?:\/|$))(?:\/[\w-][\w.-]*)+$/;
export const ORIGIN_SECRETS = /^[!-+\--~]{16,256}(?:\s*,\s*[!-+\--~]{16,256})?$/;
