import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { listings } from './api.js';

/** In development the API runs inside Vite. */
const api = {
  name: 'api',
  configureServer: ({ middlewares }) => middlewares.use('/api/listings', (_, response) => response.end(listings())),
};

export default defineConfig({ plugins: [react(), api] });
