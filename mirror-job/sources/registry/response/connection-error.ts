/** The connection failed, or the server could not answer just now. Another attempt may end better. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  /** The header Retry-After of the response; null when there is none. */
  readonly retryAfter: string | null;
  /** The status that refuses for now, and the host that sent it. */
  readonly refusal: { readonly status: number; readonly by: string } | undefined;
  /** No response began before the time-out: perhaps the server gets too many requests. */
  readonly isLate: boolean;
  /** The same, or no connection before its time-out. */
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
