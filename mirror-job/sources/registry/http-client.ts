/** The HTTP client that a registry needs. Each runtime implements it, so that the registry depends on none of them. */

export interface HttpResponse {
  readonly status: number;
  readonly headers: {
    /** @param name in any case. @returns null for no such header; several headers of one name are joined with commas */
    get(name: string): string | null;
  };
  /** To be read at most once. No encoding is undone. It throws when the connection ends before the body. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Drops the rest of the body. It never fails. */
  discard(): void;
}

/**
 * Sends one request. No redirect is followed.
 * @throws {TimeoutError} when no response has begun in time, the signal's reason, and the runtime's error for a connection that
 *   fails
 */
export type HttpClient = (
  url: URL,
  request: {
    readonly method: 'GET' | 'HEAD' | 'POST';
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string;
    readonly signal: AbortSignal;
    /** Until the response begins. */
    readonly timeoutMs: number;
  },
) => Promise<HttpResponse>;
