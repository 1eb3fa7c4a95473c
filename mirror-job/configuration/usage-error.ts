/** The command line is wrong. The message says what is wrong, and what to type instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  /** Further lines below the message, with one problem each. */
  readonly lines: readonly string[];

  constructor(message: string, options: ErrorOptions & { readonly lines?: readonly string[] } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.lines = options.lines ?? [];
  }
}
