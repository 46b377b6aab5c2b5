interface Ruled {
  readonly format: string;
  readonly formats: readonly string[];
  readonly quality: number | 'auto';
  readonly keepCopyright: boolean;
}

const mayBeJxl = ({ format, formats }: Ruled) => format === 'jxl' || formats.includes('jxl');

/** What JPEG XL has not, each with the sentence that says so. */
export const JXL_RULES: readonly (readonly [holds: (preset: Ruled) => boolean, sentence: string])[] = [
  [
    (preset) => preset.quality !== 'auto' || !preset.formats.includes('jxl'),
    'cannot be of the quality auto and declare jxl, whose quality is a number',
  ],
  [
    (preset) => !preset.keepCopyright || !mayBeJxl(preset),
    'cannot keep the copyright in jxl: its files carry pixels and a profile alone',
  ],
];
