/** URLs of another image server, as it signed them. Reading one fetches nothing: the source becomes an id of ours. */

export const SCHEMES = ['imgproxy', 'thumbor', 'cloudinary'] as const;
export type SchemeName = (typeof SCHEMES)[number];

/** Why an old URL is not served. `unsigned`: of a form that its server knew without a signature. */
export const REFUSALS = ['malformed', 'bad_signature', 'unsigned', 'unknown_option', 'unknown_source'] as const;
export type RefusalKind = (typeof REFUSALS)[number];

/** An old URL that is not served. The message is public: it names the option, and no key, host or path of the server. */
export class LegacyRefusal extends Error {
  readonly kind: RefusalKind;
  /** For the log alone: the address that stands for nothing. */
  readonly about: string | undefined;

  constructor(kind: RefusalKind, message: string, about?: string) {
    super(message);
    this.kind = kind;
    this.about = about;
  }
}

export const malformed = (message: string) => new LegacyRefusal('malformed', message);

/** An old URL cut into its parts, before its signature is looked at. */
export interface SplitUrl {
  /** As the URL has it; undefined where there is none, or one of those words that stand for none. */
  readonly signature: string | undefined;
  /** What a signature covers: one text, or each of those that the old server would have taken. */
  readonly signed: readonly string[];
  /** What follows the signature: options and source, as the URL has them. */
  readonly rest: string;
  /** The path alone may be anybody's: only a right signature tells that it is this server's. */
  readonly unsure?: boolean;
}

/** What the old URL asks for, and of which original. */
export interface LegacyWish {
  readonly wish: Wish;
  /** Decoded once: an address, or a path below the base of the old server. */
  readonly source: string;
}

/** How the other server is set up; each scheme takes what it has. */
export interface LegacySettings {
  readonly scheme: SchemeName;
  /** Bytes. Of imgproxy each with the salt of the same place. */
  readonly keys: readonly Uint8Array[];
  readonly salts: readonly Uint8Array[];
  /** Bytes of imgproxy's signatures. */
  readonly signatureSize: number;
  /** Of Cloudinary's URLs; undefined where any is taken. */
  readonly cloud: string | undefined;
  readonly sources: readonly SourceRule[];
  /** Whether URLs without a format are negotiated by Accept, as the old server may have been told to. */
  readonly negotiate: boolean;
  /** The asset that stands for imgproxy's watermark. */
  readonly watermark: string | undefined;
  /** imgproxy's presets and Cloudinary's named transformations: options as a URL has them, by name. */
  readonly presets: Readonly<Record<string, string>>;
}

/** `from`: what an address begins with, empty for paths without one. `to`: what the id begins with; `*` stands for the rest. */
export interface SourceRule {
  readonly from: string;
  readonly to: string;
}

/** What of the settings decides how options are read. */
export type ReadingSettings = Pick<LegacySettings, 'watermark' | 'presets' | 'cloud'>;

export interface LegacyScheme {
  readonly name: SchemeName;
  /** Undefined for paths that do not look like this server's. `path`: begins with a slash, without query. */
  split(path: string, settings: ReadingSettings): SplitUrl | undefined;
  /** Whether a key of the settings made the signature. Takes the same time wherever it is wrong. */
  verify(split: SplitUrl, settings: LegacySettings): boolean;
  /** Throws a LegacyRefusal for options that have no equal here. */
  read(split: SplitUrl, settings: ReadingSettings): LegacyWish;
}

/**
 * One option in the table of a scheme: what it asks for, written into the wish. Throws a LegacyRefusal by `refuse` or by the readers
 * of values.ts for values without an equal.
 */
export type OptionReader = (wish: Wish, args: readonly string[], option: SaidOption) => void;

/** The table of a scheme: a reader, or the reason why the option has no equal here. */
export type OptionTable = Readonly<Record<string, OptionReader | string>>;

/** An option as the URL has it, for messages. */
export interface SaidOption {
  readonly scheme: SchemeName;
  readonly text: string;
  readonly settings: ReadingSettings;
}

/** Throws the sentence that names an option. */
export function refuse({ scheme, text }: SaidOption, reason: string): never {
  throw new LegacyRefusal('unknown_option', `${scheme}'s ${quoted(text)} is not served here: ${reason}`);
}

const LONGEST_QUOTE = 60;

/** What a stranger wrote, short and of harmless characters. */
export function quoted(text: string): string {
  const harmless = text.replace(/[^\w:,.()|%@=+ $/-]/g, '?');
  return harmless.length > LONGEST_QUOTE ? `${harmless.slice(0, LONGEST_QUOTE)}…` : harmless;
}

export type Fit = 'inside' | 'outside' | 'cover' | 'contain' | 'fill' | 'pad';

/** What the options of an old URL ask for together. Lengths in pixels before `ratio`; absent fields say nothing. */
export interface Wish {
  width?: number;
  height?: number;
  fit: Fit;
  /** All lengths are multiplied by it, save those of effects. */
  ratio: number;
  enlarge?: boolean;
  extend?: boolean;
  /** As inline recipes write it: `center`, `north`, `faces`, `0p3:0p5`. */
  gravity?: string;
  /** Where the picture lies on a canvas that is larger. */
  canvasGravity?: string | undefined;
  faceZoom?: number;
  /** Of each side: pixels of the original, or fractions of it. */
  crop?: { x: Share; y: Share; width: Share; height: Share };
  trim?: number;
  /** Around the size: top, right, bottom, left. */
  padding?: [number, number, number, number];
  rotate?: 90 | 180 | 270;
  flip?: { horizontal: boolean; vertical: boolean };
  /** `rrggbb`, `blur` or `auto`. */
  background?: string;
  /** Undefined: the old server sent the original's own format. */
  format?: 'auto' | 'jpeg' | 'png' | 'webp' | 'avif' | 'jxl';
  quality?: number | 'auto';
  qualities?: Partial<Record<'avif' | 'webp' | 'jpeg', number>>;
  /** Further fields of inline recipes by their names there, with values as they are written. */
  readonly more: Map<string, string>;
  /** One overlay each, as inline recipes write it; offsets behind `:x:` and `:y:` are multiplied by `ratio`. */
  readonly overlays: { text: string; x: number; y: number }[];
  /** The option whose corners have the background; here they have it in JPEG alone. */
  cornersIn?: SaidOption;
  /** Seconds. Stands in no key. */
  maxAge?: number;
  /** Unix seconds. */
  expiresAt?: number;
  /** Which option asked for a field, as the URL has it: by the name of the field in presets. */
  readonly said: Map<string, string>;
}

/** Pixels, or a fraction from 0 to 1. */
export type Share = { readonly px: number } | { readonly fraction: number };

export function noWish(): Wish {
  return { fit: 'inside', ratio: 1, more: new Map(), overlays: [], said: new Map() };
}

/** Reads options one by one through a scheme's table. A later one replaces what an earlier one said. */
export function readOption(
  table: OptionTable,
  wish: Wish,
  name: string,
  args: readonly string[],
  option: SaidOption,
): void {
  const reader = Object.hasOwn(table, name) ? table[name] : undefined;
  if (reader === undefined) refuse(option, 'it is no option that is known');
  if (typeof reader === 'string') refuse(option, reader);
  reader(wish, args, option);
}
