/** @returns a line of `TOKENS` */
export async function tokenLine(name: string, token: string, globs: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token)));
  return `${name} ${Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')} ${globs}`;
}
