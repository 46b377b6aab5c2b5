import type { Box, Edit } from './boxes.ts';
import type { PresetFields } from './state.ts';

/** The server's answers, and nothing else that it says: the signing key stays there. */

export interface Details {
  readonly width?: number;
  readonly height?: number;
  readonly format?: string;
  readonly message?: string;
  readonly edit?: Edit;
  readonly alt?: string;
  readonly v?: string;
  readonly faces?: readonly Box[];
  readonly window?: Box;
  readonly unit?: number;
}
export interface About {
  readonly presets: readonly { readonly name: string; readonly fields: PresetFields }[];
  readonly assets: { readonly images: readonly string[]; readonly fonts: readonly string[] };
  readonly server: {
    readonly inline: boolean;
    readonly faces: boolean;
    readonly originals: string;
    readonly uploads: boolean;
    readonly edits: boolean;
  };
}
export interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}
export interface Draft {
  readonly faults?: readonly Fault[];
  readonly notes?: readonly string[];
  readonly preset?: string;
  readonly inline?: string;
  readonly url?: string;
  readonly markup?: string;
  readonly before?: string;
}
export interface Choice {
  readonly id: string;
  readonly width?: number;
  readonly pixelRatio?: number;
  readonly format?: string;
  readonly download?: string;
  readonly version?: string;
  readonly variables?: Readonly<Record<string, string>>;
}

/** What browsers of these years send for a picture. */
export const ACCEPT = 'image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8';

/** Throws an Error with the server's sentence. */
export async function call<T>(path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const json = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const answer = await fetch(`/playground/api/${path}`, {
    ...(body === undefined ? {} : json),
    ...(signal ? { signal } : {}),
  });
  const data = await answer.json();
  if (!answer.ok) throw new Error(data.message);
  return data;
}

export interface Rendition {
  readonly blob: Blob;
  readonly headers: Headers;
}

/** A picture as a page would get it. Throws an Error with the server's sentence. */
export async function picture(url: string, options: RequestInit = {}): Promise<Rendition> {
  const answer = await fetch(url, { headers: { accept: ACCEPT }, ...options });
  const blob = await answer.blob();
  if (!answer.ok && !blob.type.startsWith('image/')) throw new Error(JSON.parse(await blob.text()).message);
  return { blob, headers: answer.headers };
}

/** Of `Server-Timing`, in milliseconds, in its order. */
export function stepsOf(headers: Headers): (readonly [name: string, ms: number])[] {
  return (headers.get('server-timing') ?? '').split(', ').flatMap((step) => {
    const [name = '', ms = ''] = step.split(';dur=');
    return name === '' ? [] : [[name, Number(ms)] as const];
  });
}

/** What a picture is, of its bytes: what `Content-Type` says of them. */
export const formatOf = ({ type }: Blob) => type.replace('image/', '');
