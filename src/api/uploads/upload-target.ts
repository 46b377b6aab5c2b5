/** What an upload is bound to: another key, type or length is refused where it arrives. */
export interface UploadTerms {
  readonly key: string;
  readonly contentType: string;
  /** Bytes. */
  readonly size: number;
  /** Unix seconds. */
  readonly expiresAt: number;
}

/** Where an original is PUT to. An object that is there already is never replaced. */
export interface UploadTarget {
  /** `headers` must be sent as they are. `serverUrl` is where this server was reached. */
  ticket(terms: UploadTerms, serverUrl: string): Promise<{ url: string; headers: Readonly<Record<string, string>> }>;
}
