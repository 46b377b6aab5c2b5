import type { Mend } from '../../picture-source.ts';

/** A file in the form in which libvips reads its colours: told by a profile, and what no profile can say. */
export interface Told {
  readonly body: Buffer;
  /** The profile that was put into it has no colours but those of sRGB, or hardly any. */
  readonly narrow?: boolean | undefined;
  /** Without that profile, and with its chunks of colour, its own compressed pixels are good sRGB. */
  readonly ownPixels?: boolean | undefined;
  readonly mend?: Mend | undefined;
}
