/**
 * What uploads through this server need of a store: one new object that comes as a stream, so that its bytes are never in
 * memory together.
 */
export interface ObjectReceiver {
  /**
   * Stores `body` under `key`, in one step once its last byte has come, and never replaces an object: false where there is one.
   * Where there is one before the call, nothing of `body` is read. Rejects with the error of `body`, with the signal's reason,
   * or with `store_failed` and `store_timeout`; then neither an object nor a temporary file is left. Only a store that hangs
   * while it names the object may still finish that later.
   */
  receive(
    key: string,
    body: AsyncIterable<Uint8Array>,
    options: { readonly contentType: string; readonly signal: AbortSignal },
  ): Promise<boolean>;
}
