import { hasSvtAv1 } from '../../src/render/formats/svt-av1.ts';

/** Why tests of SVT-AV1 are skipped, or false. */
export const svtAv1Skip = hasSvtAv1 ? false : 'SVT-AV1 was not brought in (docs/tests.md)';
