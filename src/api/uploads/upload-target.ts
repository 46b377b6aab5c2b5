/** The terms that an upload is bound to: the target refuses another key, type or length. */
export interface UploadTerms {
  readonly key: string;
  readonly contentType: string;
  /** Bytes. */
  readonly size: number;
  /** Unix seconds. */
  readonly expiresAt: number;
}

/** Where an original is PUT to. An existing object is never replaced. */
export interface UploadTarget {
  /** The URL of one PUT and the headers that it must carry. `serverUrl`: the address at which the client reached this server. */
  ticket(terms: UploadTerms, serverUrl: string): Promise<{ url: string; headers: Readonly<Record<string, string>> }>;
}
