import { type Choice, call, type Details, type Draft, type Fault, picture, type Rendition } from './server.ts';
import type { State, Store } from './state.ts';

/** A preset that was looked at: the state that it is of, and all that the server said. */
export interface Look {
  readonly state: State;
  readonly draft: Draft;
  readonly rendition: Rendition | undefined;
}

export interface Listeners {
  /** A look begins, ends, or fails with a sentence. */
  status(text: string, kind: 'busy' | 'done' | 'failed'): void;
  faults(faults: readonly Fault[]): void;
  look(look: Look): void;
  details(details: Details, look: Look): void;
}

const AGAIN_AFTER_MS = 1000;
const MOST_TRIES = 30;

/** What a look depends on: names and views do not change it. */
const SEEN = ['id', 'from', 'fields', 'size', 'format', 'download', 'version', 'variables'] as const;

/**
 * Looks at the preset after each change. One look at a time, and then the latest state alone: however fast a slider moves, and
 * however slow the server is, no looks pile up.
 */
export function keepLooking(store: Store, v: () => string | undefined, listeners: Listeners): { again(): void } {
  let looking = false;
  let wanted = false;
  /** Looks in a row at a picture that was not final. */
  let tries = 0;

  async function look(): Promise<void> {
    if (looking || store.state.id === '') {
      wanted = looking;
      return;
    }
    looking = true;
    const { state } = store;
    listeners.status('Rendering…', 'busy');
    try {
      await lookAt(state);
    } catch (error) {
      if (store.state === state || !isOther(store.state, state))
        listeners.status(String(error instanceof Error ? error.message : error), 'failed');
    }
    looking = false;
    if (wanted) {
      wanted = false;
      await look();
    }
  }

  async function lookAt(state: State): Promise<void> {
    const choice = choiceOf(state, v());
    const draft = await call<Draft>('draft', {
      ...choice,
      fields: state.fields,
      ...(state.from ? { from: state.from } : {}),
    });
    listeners.faults(draft.faults ?? []);
    if (draft.faults) {
      const [first] = draft.faults;
      return listeners.status(first ? sentence(first) : '', 'failed');
    }
    const cache: RequestCache = tries > 0 ? 'no-cache' : 'default';
    const rendition = draft.url === undefined ? undefined : await picture(draft.url, { cache });
    if (wanted) return;
    const seen = { state, draft, rendition };
    listeners.look(seen);
    if (draft.preset !== undefined) {
      const { download: _, ...shown } = choice;
      const details = await call<Details>('details', { ...shown, preset: draft.preset });
      if (!wanted) listeners.details(details, seen);
    }
    listeners.status(draft.notes?.join(' ') ?? '', 'done');
    // Without an ETag it comes out better next time: faces were still looked for.
    const isFinal = !rendition || rendition.headers.has('etag');
    tries = isFinal ? 0 : tries + 1;
    if (!isFinal && tries <= MOST_TRIES)
      window.setTimeout(() => store.state === state && !looking && void look(), AGAIN_AFTER_MS);
  }

  store.onChange((state, before) => {
    if (!isOther(state, before)) return;
    tries = 0;
    void look();
  });
  return { again: () => void look() };
}

const isOther = (state: State, before: State) => SEEN.some((name) => state[name] !== before[name]);

export function choiceOf({ id, size, format, download, version, variables }: State, v: string | undefined): Choice {
  const own = version || v;
  return {
    id,
    ...(size.startsWith('w') ? { width: Number(size.slice(1)) } : size ? { pixelRatio: Number(size.slice(1)) } : {}),
    ...(format ? { format } : {}),
    ...(download ? { download } : {}),
    ...(own ? { version: own } : {}),
    ...(Object.keys(variables).length > 0 ? { variables } : {}),
  };
}

/** With the field that it is about. */
export function sentence({ path, message }: Fault): string {
  return path.length > 0 ? `${path.join('.')}: ${message}` : message;
}
