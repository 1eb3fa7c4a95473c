/** `ENOENT` and the like, for a sentence about a file. For any other error, the whole error as text. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
