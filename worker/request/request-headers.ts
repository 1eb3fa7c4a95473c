const CONDITIONS = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range'];

/** The headers that change an answer. Each is read only when it is needed, because each read costs a little. */
export class RequestHeaders {
  readonly isHead: boolean;
  /** The host name of the request's URL, without the port. */
  readonly host: string;
  readonly #headers: Headers;

  constructor(request: Request, host: string) {
    this.isHead = request.method === 'HEAD';
    this.host = host;
    this.#headers = request.headers;
  }

  get authorization(): string | undefined {
    return this.#headers.get('authorization') ?? undefined;
  }

  get accept(): string | undefined {
    return this.#headers.get('accept') ?? undefined;
  }

  /** Whether a proxy says that the client uses TLS. A client that sends the header itself changes its own page only. */
  get isForwardedTls(): boolean {
    return this.#headers.get('x-forwarded-proto') === 'https';
  }

  get range(): string | undefined {
    return this.#headers.get('range') ?? undefined;
  }

  get ifRange(): string | undefined {
    return this.#headers.get('if-range') ?? undefined;
  }

  get ifMatch(): string | undefined {
    return this.#headers.get('if-match') || undefined;
  }

  get ifNoneMatch(): string | undefined {
    return this.#headers.get('if-none-match') ?? undefined;
  }

  /** Whether the answer depends on the content that the client has or expects. */
  get hasConditions(): boolean {
    return CONDITIONS.some((name) => this.#headers.has(name));
  }
}
