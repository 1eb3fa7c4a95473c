/** The command line is wrong; the message says in which way, and what to type instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  /** More lines below the message: a problem each. */
  readonly lines: readonly string[];

  constructor(message: string, options: ErrorOptions & { readonly lines?: readonly string[] } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.lines = options.lines ?? [];
  }
}
