/** One object of a file, parsed, with the place where it stands. */
export interface ObjectDocument {
  readonly kind: 'document';
  readonly value: unknown;
  /** `rendered.yaml:12`, `pods.json: items[3]`. */
  readonly where: string;
}

/** Limits the memory that one object can take. etcd has no objects over 1.5 MiB. */
export const MAX_DOCUMENT_BYTES = 16 * 1024 * 1024;
/** Values take more memory than their text, above all empty ones. */
export const MAX_DOCUMENT_VALUES = 1_000_000;
