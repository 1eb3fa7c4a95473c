/** The engine broke a promise. */

export class Violation extends Error {
  override readonly name = 'Violation';
  /** The promise in a few words. A shrunk simulation must break the same one. */
  readonly kind: string;

  constructor(kind: string, details: string) {
    super(`${kind}: ${details}`);
    this.kind = kind;
  }
}
