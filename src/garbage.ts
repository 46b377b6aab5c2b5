import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: ((options?: { readonly type: 'minor' }) => void) | undefined;

/** Has V8 free now what nobody holds any more. Its own schedule looks at the heap, and buffers lie outside of it. */
export function collectGarbage(options?: { readonly type: 'minor' }): void {
  // https://nodejs.org/api/v8.html#v8setflagsfromstringflags: the function shows in contexts made afterwards.
  if (!collect) setFlagsFromString('--expose-gc');
  collect ??= runInNewContext('gc') as NonNullable<typeof collect>;
  collect(options);
}

/**
 * Counts buffers that were let go. After so many bytes, those that V8 still holds as young are collected, which takes a
 * millisecond or two: otherwise some 40 MiB of originals that nobody needs any more lie about.
 */
export function collectAfter(bytes: number): (freed: number) => void {
  let waiting = 0;
  return (freed) => {
    waiting += freed;
    if (waiting < bytes) return;
    waiting = 0;
    // Whoever let go is still on its way out.
    setImmediate(() => collectGarbage({ type: 'minor' }));
  };
}
