/** What a registry's client needs of its runtime: requests over whichever connection it stands for, and their answers. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: {
    /** Whatever the name's case. @returns null where there is none; several of one name with commas between them */
    get(name: string): string | null;
  };
  /** Read at most once, as it was sent: no encoding is undone. It throws where the connection ends before it. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Lets go of what was not read; no error then. */
  discard(): void;
}

/** @throws for a connection that fails, and a `TimeoutError` when no answer has begun in time; no redirect is followed */
export type HttpClient = (
  url: URL,
  request: {
    readonly method: 'GET' | 'HEAD' | 'POST';
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string;
    readonly signal: AbortSignal;
    /** Milliseconds. */
    readonly timeoutMs: number;
  },
) => Promise<HttpResponse>;
