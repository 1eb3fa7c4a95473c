/** A store holds other bytes than the key promises. They are never served. */
export class CorruptObjectError extends Error {
  override readonly name = 'CorruptObjectError';
  readonly key: string;

  /** @param reason a clause, such as `its bytes hash to sha256:…` */
  constructor(key: string, reason: string, cause?: unknown) {
    super(`The object ${key} is corrupt: ${reason}`, cause === undefined ? undefined : { cause });
    this.key = key;
  }
}
