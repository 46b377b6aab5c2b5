import { defineConfig } from 'astro/config';
import presets from './src/presets.json' with { type: 'json' };

export default defineConfig({
  image: { service: { entrypoint: '@darkroom-images/astro/service', config: { presets } } },
});
