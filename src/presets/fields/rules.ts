/** What contradicts itself in a preset, each with the sentence that says so. */
export type Rules<Preset> = readonly (readonly [agrees: (preset: Preset) => boolean, otherwise: string])[];
