import presets from './presets.json';

export default defineNuxtConfig({
  compatibilityDate: '2026-11-01',
  telemetry: false,
  modules: ['@nuxt/image'],
  css: ['~/assets/shop.css'],
  image: {
    provider: 'darkroom',
    providers: { darkroom: { provider: '@darkroom-images/nuxt', options: { presets } } },
  },
});
