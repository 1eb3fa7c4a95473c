/**
 * The errors of a registry's answers.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
 */
import { printable } from './printable.ts';

/**
 * The status of each code, chosen for what pulling clients do with it (docs/request-handling.md). After 404 and 403,
 * containerd asks the next host at once. After 503, every client falls back. 429 is never answered, because skopeo waits
 * and containerd repeats the request. UNAUTHORIZED is answered only if the operator wants it, because clients answer a
 * challenge with credentials for another registry.
 */
export const ERROR_STATUS = {
  BLOB_UNKNOWN: 404,
  DENIED: 403,
  DIGEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  PAGINATION_NUMBER_INVALID: 400,
  PRECONDITION_FAILED: 412,
  RANGE_INVALID: 416,
  RANGES_UNSUPPORTED: 400,
  UNAUTHORIZED: 401,
  UNAVAILABLE: 503,
  UNSUPPORTED: 405,
} as const satisfies Record<string, number>;

export type ErrorCode = keyof typeof ERROR_STATUS;

/** An error that the registry answers. Only the outermost layer turns it into a response. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly code: ErrorCode;
  /** Values for machines, such as the digest that the request asked for. Never a secret, never a presigned URL. */
  readonly detail: Readonly<Record<string, string>> | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { detail?: Readonly<Record<string, string>>; cause?: unknown } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.detail = options.detail;
  }

  get status(): number {
    return ERROR_STATUS[this.code];
  }
}

/**
 * The body of an error answer. It is printable, because docker and podman print its message, which may quote the bucket or the
 * request.
 */
export function errorBody(error: Pick<RegistryError, 'code' | 'message' | 'detail'>): string {
  const { code, message, detail } = error;
  return printable(JSON.stringify({ errors: [{ code, message, ...(detail !== undefined && { detail }) }] }));
}
