/** Returns a code such as `ENOENT`, for a sentence about a file. Any other error is returned whole, as text. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
