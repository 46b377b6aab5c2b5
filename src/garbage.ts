import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | undefined;

/** Has V8 free now what nobody holds any more. Its own schedule looks at the heap, and buffers lie outside of it. */
export function collectGarbage(): void {
  // https://nodejs.org/api/v8.html#v8setflagsfromstringflags: the function shows in contexts made afterwards.
  setFlagsFromString('--expose-gc');
  collect ??= runInNewContext('gc') as () => void;
  collect();
}
