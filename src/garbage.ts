import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let gc: ((options?: { readonly type: 'minor' }) => void) | undefined;

/** Has V8 free now what nobody holds any more. Its own schedule looks at the heap, and buffers lie outside of it. */
export function collectGarbage(options?: { readonly type: 'minor' }): void {
  // https://nodejs.org/api/v8.html#v8setflagsfromstringflags: the function shows in contexts made afterwards.
  if (!gc) setFlagsFromString('--expose-gc');
  gc ??= runInNewContext('gc') as NonNullable<typeof gc>;
  gc(options);
}

/**
 * Counts buffers that were let go. After `few` bytes, those that V8 still holds as young are collected, which takes a
 * millisecond or two; at once after one of `many`, whatever its age, which takes some twenty. Otherwise 40 MiB and more
 * of originals that nobody needs any more lie about.
 */
export function collectAfter(few: number, many: number, collect = collectGarbage): (freed: number) => void {
  let waiting = 0;
  return (freed) => {
    waiting += freed;
    if (waiting < few) return;
    waiting = 0;
    // Whoever let go is still on its way out.
    setImmediate(() => collect(freed < many ? { type: 'minor' } : undefined));
  };
}
