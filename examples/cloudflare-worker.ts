/** A Cloudflare Worker that signs: answers the markup of one card. Bindings: IMAGE_BASE_URL and the secret DARKROOM_SIGNING_KEY. */
import { createImageUrls, toHtml } from '@darkroom-images/url/edge';
import presets from './presets.json' with { type: 'json' };

interface Env {
  readonly IMAGE_BASE_URL: string;
  readonly DARKROOM_SIGNING_KEY: string;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const id = new URL(request.url).searchParams.get('id');
    if (!id) return new Response('Which image? ?id=…', { status: 400 });
    const images = createImageUrls({ baseUrl: env.IMAGE_BASE_URL, key: env.DARKROOM_SIGNING_KEY, presets });
    const html = toHtml(await images.picture(id, 'card'), { alt: '' });
    return new Response(html, { headers: { 'content-type': 'text/html; charset=utf-8' } });
  },
};
