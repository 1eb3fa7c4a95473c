/** What of a request's headers changes its answer. Read only where it is needed: each look costs a little. */
export class Caller {
  readonly isHead: boolean;
  /** The host name that it was sent to, without the port. */
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

  get range(): string | undefined {
    return this.#headers.get('range') ?? undefined;
  }

  get ifRange(): string | undefined {
    return this.#headers.get('if-range') ?? undefined;
  }

  get ifNoneMatch(): string | undefined {
    return this.#headers.get('if-none-match') ?? undefined;
  }
}
