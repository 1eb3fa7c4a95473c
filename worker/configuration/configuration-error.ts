/** A variable has a value that the edge cannot run with. Every request then fails, so that nothing is served by accident. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly variable: string;

  /** @param reason a clause that never quotes a secret */
  constructor(variable: string, reason: string) {
    super(`The variable ${variable} cannot be used: ${reason}`);
    this.variable = variable;
  }
}
