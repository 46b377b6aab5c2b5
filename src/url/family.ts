/** What the signer for Node and the one for the edge have in common. */
import { formatImagePath, idFault, isText, signedText } from './image-path.ts';
import type { Family, LayoutOptions, VariantOptions } from './markup/markup.ts';
import { type InlineOptions, type PresetShapes, shapeOf } from './markup/shapes.ts';
import { thumbHashUrl } from './markup/thumbhash.ts';
import { type SignedOptions, signedParameters } from './signed-options.ts';

export interface ImageUrlsOptions<P extends PresetShapes> {
  /** Where the CDN answers, such as `https://img.example.com`. */
  readonly baseUrl: string | undefined;
  /** The server's signing key: hex, or its bytes; at least 32. */
  readonly key: string | Uint8Array | undefined;
  /** The server's presets file; the built-in presets when left out. */
  readonly presets?: P;
}

export interface UrlOptions extends SignedOptions, VariantOptions {}
export interface MarkupOptions extends SignedOptions, Omit<LayoutOptions, 'placeholder'> {
  /**
   * What shows until the picture is there: its colour from `meta` by default, a blurred picture of it (`thumbhash`), nothing, or a
   * picture as a data URL. Nothing for pictures with transparency.
   */
  readonly placeholder?: LayoutOptions['placeholder'] | 'thumbhash' | undefined;
}

/** The options with a ThumbHash as the picture that it stands for. */
export function drawn(options: MarkupOptions = {}): LayoutOptions {
  const { placeholder, meta } = options;
  if (placeholder !== 'thumbhash') return { ...options, placeholder };
  return { ...options, placeholder: thumbHashUrl(meta?.thumbhash ?? '') ?? 'color' };
}

/** A family before it is signed. */
export interface Unsigned {
  /** What the signature covers. */
  readonly text: string;
  readonly signed: (signature: string) => Family;
}

/** All of a family but its signature. Throws a TypeError for ids, presets and options that every server refuses. */
export function checkedFamilies(
  given: Pick<ImageUrlsOptions<PresetShapes>, 'baseUrl'> & { presets: PresetShapes },
  more?: InlineOptions,
) {
  const baseUrl = checkedBaseUrl(given.baseUrl);
  return (id: string, preset: string, options: SignedOptions = {}): Unsigned => {
    refuseBadId(id);
    const shape = shapeOf(given.presets, preset, more);
    const parts = { preset, id, ...signedParameters(options) };
    return {
      text: signedText(preset, id, parts),
      signed: (signature) => ({
        preset,
        shape,
        withSuffix: (suffix) => baseUrl + formatImagePath({ signature, suffix, ...parts }),
      }),
    };
  };
}

function checkedBaseUrl(baseUrl: unknown): string {
  if (typeof baseUrl === 'string' && /^https?:\/\/[^/]/i.test(baseUrl)) return baseUrl.replace(/\/+$/, '');
  throw new TypeError(`baseUrl must begin with https:// or http://, and is ${baseUrl ? `"${baseUrl}"` : 'missing'}.`);
}

/** Throws for ids that every server refuses, so that no such URL reaches a page. */
function refuseBadId(id: unknown): void {
  const fault = isText(id) ? idFault(id) : 'It is no text.';
  if (fault) throw new TypeError(`"${id}" cannot be the id of an image. ${fault}`);
}

/** Raw bytes of a hex key. Throws a TypeError for text that is no hex, for several keys and for keys below 32 bytes. */
export function keyBytes(key: string | Uint8Array | undefined): Uint8Array<ArrayBuffer> {
  if (!key) throw new TypeError('key is missing: the signing key of the server, one of its DARKROOM_SIGNING_KEYS.');
  if (Array.isArray(key) || (typeof key === 'string' && key.includes(',')))
    throw new TypeError('key is a list: a signer takes one signing key, the first of the server.');
  const bytes =
    typeof key === 'string'
      ? Uint8Array.from(/^(?:[0-9a-f]{2})+$/i.test(key) ? (key.match(/../g) ?? []) : [], (pair) =>
          Number.parseInt(pair, 16),
        )
      : Uint8Array.from(key);
  if (bytes.length < 32) throw new TypeError('The signing key must be hex (or bytes) of at least 32 bytes.');
  return bytes;
}
