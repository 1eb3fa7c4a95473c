/** Returns a code such as `ENOENT`, for a sentence about a file. Any other error is returned whole, as text. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'this is a directory',
  EACCES: 'this user may not read it',
};

/** Says why a file cannot be read, as a sentence without its full stop. */
export function describeUnreadable(error: unknown): string {
  const code = errorCode(error);
  return UNREADABLE[code] ?? `it cannot be read (${code})`;
}
