import { createLoader } from '@darkroom-images/next/loader';
import presets from './lib/presets.json';

export default createLoader(presets);
