/** The connection failed, or the far end was not able to answer just now: worth another try. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  /** What the far end wrote under Retry-After, if it did. */
  readonly retryAfter: string | null;
  /** The answer that refuses for now, and the host that gave it. */
  readonly refusal: { readonly status: number; readonly by: string } | undefined;
  /** Nothing came in the time that is borne: perhaps it is asked too much. */
  readonly isLate: boolean;
  /** The same, or not even a connection. */
  readonly isSilent: boolean;

  constructor(
    message: string,
    options: {
      cause?: unknown;
      retryAfter?: string | null;
      refusal?: { readonly status: number; readonly by: string };
      isLate?: boolean;
      isSilent?: boolean;
    } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.retryAfter = options.retryAfter ?? null;
    this.refusal = options.refusal;
    this.isLate = options.isLate ?? false;
    this.isSilent = options.isSilent ?? this.isLate;
  }
}
